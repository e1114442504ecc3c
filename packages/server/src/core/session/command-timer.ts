import { SLOW_TOLD_MAX, SLOW_TOLD_PER_TICK } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import { type CommandStatistics, resultOfError } from "./command-statistics.ts";
import type { Later } from "./later.ts";
import type { OpenRequest, RequestOwner } from "./open-request.ts";

/** Times are microseconds in 31 bits, so that a request holds a small integer. They begin again after 35 minutes. */
const TIME_MASK = 0x7fff_ffff;
const NOBODY = -1;
/** Room for requests that is kept from pass to pass. */
const ANSWERED_KEPT = 4_096;

/** What is said about a slow command. */
export interface TimedCommand {
  readonly spec: CommandSpec;
  /** Without the name (and without the subcommand's). */
  readonly args: readonly Uint8Array[];
  readonly owner: Pick<RequestOwner, "socket" | "name">;
}

/**
 * Takes the time of commands, and gives it to the statistics. The clock is read twice a pass, not for each command: all
 * that arrive before a pass share the moment of the first, and all that it answers share its end. So a command's time
 * is rather too long than too short, by what one turn of the event loop takes.
 */
export class CommandTimer {
  readonly #statistics: CommandStatistics;
  readonly #clockMs: () => number;
  /** Those that took at least `slowUs` are told, within limits. Infinity: none is. */
  slowUs: number = Number.POSITIVE_INFINITY;
  readonly #onSlow: (command: TimedCommand, durationUs: number) => void;
  /** Slow commands that may be told of before the next tick. */
  #slowLeft: number = SLOW_TOLD_MAX;
  /** Of those that arrive before the next pass ends; NOBODY until the first of them. */
  #arrivalUs: number = NOBODY;
  /** In this pass: the first `#count` of an array that is kept, because a pass may answer only one. */
  #answered: (OpenRequest | undefined)[] = [];
  #count = 0;

  constructor(
    statistics: CommandStatistics,
    clockMs: () => number,
    onSlow: (command: TimedCommand, durationUs: number) => void,
  ) {
    this.#statistics = statistics;
    this.#clockMs = clockMs;
    this.#onSlow = onSlow;
  }

  /** When the command that is taken now arrived. */
  arrivalUs(): number {
    if (this.#arrivalUs === NOBODY) this.#arrivalUs = this.nowUs();
    return this.#arrivalUs;
  }

  nowUs(): number {
    // Takes the last 31 bits of the whole part, however large that is.
    return (this.#clockMs() * 1_000) & TIME_MASK;
  }

  sinceUs(fromUs: number): number {
    return (this.nowUs() - fromUs) & TIME_MASK;
  }

  /** The request has its reply. It is counted at the end of the pass, once, however often it is read again. */
  answered(request: OpenRequest): void {
    if (request.counted) return;
    request.counted = true;
    this.#answered[this.#count] = request;
    this.#count += 1;
  }

  /** What the connection answered itself took so long. */
  answeredSlowly(command: TimedCommand, durationUs: number): void {
    if (durationUs >= this.slowUs) this.#tell(command, durationUs);
  }

  #tell(command: TimedCommand, durationUs: number): void {
    if (this.#slowLeft === 0) return;
    this.#slowLeft -= 1;
    this.#onSlow(command, durationUs);
  }

  /** A command that the connection answered. */
  answeredLocally(spec: CommandSpec, reply: Reply, durationUs: number): void {
    this.#statistics.record(spec, reply.type === "error" ? resultOfError(reply.kind) : "ok", durationUs);
  }

  answeredLate({ spec, reply, fromUs, args, owner }: Later): void {
    if (spec === undefined || reply === undefined) return;
    const durationUs = this.sinceUs(fromUs);
    this.answeredLocally(spec, reply, durationUs);
    if (owner !== undefined) this.answeredSlowly({ spec, args, owner }, durationUs);
  }

  onTick(): void {
    this.#slowLeft = Math.min(SLOW_TOLD_MAX, this.#slowLeft + SLOW_TOLD_PER_TICK);
  }

  onPassEnd(): void {
    this.#arrivalUs = NOBODY;
    if (this.#count === 0) return;
    const nowUs = this.nowUs();
    for (let at = 0; at < this.#count; at += 1) {
      this.#record(this.#answered[at] as OpenRequest, nowUs);
      this.#answered[at] = undefined;
    }
    if (this.#count > ANSWERED_KEPT) this.#answered = [];
    this.#count = 0;
    // Connections take what waits in their buffers next, still in this pass.
    this.#arrivalUs = nowUs;
  }

  #record(request: OpenRequest, nowUs: number): void {
    // Overtaken in this very pass: it is read again.
    if (request.reply === undefined) {
      request.counted = false;
      return;
    }
    const durationUs = (nowUs - request.arrivedUs) & TIME_MASK;
    request.count(this.#statistics, durationUs);
    if (durationUs >= this.slowUs) this.#tell(request, durationUs);
  }

  /** After those connections had their turn: what comes from now on arrives later. */
  onPassOver(): void {
    this.#arrivalUs = NOBODY;
  }
}

/** Counts a command by what it was answered. */
export function recordReply(statistics: CommandStatistics, spec: CommandSpec, reply: Reply, durationUs: number): void {
  if (reply.type !== "error") {
    statistics.record(spec, "ok", durationUs);
    return;
  }
  statistics.recordError(reply.kind);
  statistics.record(spec, resultOfError(reply.kind), durationUs);
}
