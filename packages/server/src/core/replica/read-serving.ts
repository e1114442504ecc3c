import {
  COSTLY_READ_WORK_BYTES,
  type GroupId,
  type Index,
  mark,
  READ_PASS_MS,
  READS_PER_CLOCK_LOOK,
  REQUEST_MS_MAX,
  type Slot,
  slot,
} from "../base/index.ts";
import { mayCostMuch, NOT_RESIDENT, type Reply } from "../command/index.ts";
import { Opcode, type StateMachine, TIME } from "../machine/index.ts";
import type { Space } from "../store/index.ts";
import { KeyReads } from "./key-reads.ts";
import { replyBytesFor, type TurnTaker } from "./read-turns.ts";
import type { ReplicaHost, Request, Rerouted, Serving } from "./types.ts";

/** What serving needs of its replica. */
export interface ServingReplica {
  readonly group: GroupId;
  readonly applied: Index;
  readonly machine: StateMachine;
  readonly space: Space;
  readonly leads: boolean;
  submitWrite(request: Request, args: readonly Uint8Array[]): void;
}

const NO_ARGS: readonly Uint8Array[] = [];
const NO_SLOT: Slot = slot(0);

/**
 * Reads that may be answered from the state as it is here, from their turn to their reply. Three things can keep one from
 * being answered at once. It may cost much: such reads, and what their clients sent behind them, take turns (`ReadTurns`). Its rows may not be in memory: they are fetched, and it runs again. Or a row that it met ends
 * between log time and this leader's clock: had it been answered as gone, another leader whose clock is behind could
 * show it again. So an entry that carries the time goes through the log first (design 7).
 */
export class ReadServing implements TurnTaker<Serving> {
  readonly #host: ReplicaHost;
  readonly #replica: ServingReplica;
  readonly #keyReads: KeyReads;
  /** A fetch that meets a damaged row never ends: `takeAll` takes these elsewhere. */
  readonly #fetching: Set<Serving> = new Set();
  /** Wait for an entry that moves log time on. Not empty: one is on its way. */
  #undecided: Serving[] = [];
  /** That entry is applied: to be tried again between entries. */
  #decided: Serving[] = [];
  /** Wait for their turns. */
  #waiting = 0;

  constructor(host: ReplicaHost, replica: ServingReplica) {
    this.#host = host;
    this.#replica = replica;
    this.#keyReads = new KeyReads(host, replica);
  }

  /** Waiting for something. */
  get open(): number {
    return this.#fetching.size + this.#undecided.length + this.#decided.length + this.#waiting;
  }

  /** `stale`: the state as it is here will do, however old, and this replica's own clock. */
  serve(reads: readonly Rerouted[], stale: boolean): void {
    // Read once for all: for each it would cost as much as finding the row.
    const nowMs = this.#nowMs();
    const { env } = this.#host;
    let count = 0;
    let untilMs = Number.POSITIVE_INFINITY;
    let late = false;
    for (const read of reads) {
      const serving: Serving = { read, stale, since: undefined, clockMs: undefined, pinned: [] };
      this.#begin(serving, nowMs, late);
      count += 1;
      if (count % READS_PER_CLOCK_LOOK > 0) continue;
      const passMs = env.monotonicMs();
      untilMs = Math.min(untilMs, passMs + READ_PASS_MS);
      late = passMs >= untilMs;
    }
  }

  /** Its turn among those that cost much. */
  takeTurn(serving: Serving, work: number): void {
    this.#waiting -= 1;
    const { request, bornMs } = serving.read;
    if (request.unwanted === true) {
      release(serving);
      request.postpone?.(replyBytesFor(work));
    } else if (request.giveBack !== undefined && this.#host.env.monotonicMs() - bornMs > REQUEST_MS_MAX) {
      // The node that sent it waits no longer, and has answered its client.
      release(serving);
      request.giveBack();
    } else {
      this.#try(serving, this.#nowMs());
    }
  }

  /** After entries were applied. */
  resume(): void {
    if (this.#decided.length === 0) return;
    const decided = this.#decided;
    this.#decided = [];
    const nowMs = this.#nowMs();
    for (const serving of decided) this.#begin(serving, nowMs, false);
  }

  /** This replica leads no more: what waits for the log, or for its turn, has to wait elsewhere. */
  takeLinearizable(): Rerouted[] {
    return this.#takeUndecided().concat(this.#takeWaiting(({ stale }) => !stale));
  }

  takeAll(): Rerouted[] {
    const fetching = Array.from(this.#fetching, release);
    this.#fetching.clear();
    return fetching.concat(
      this.#takeUndecided(),
      this.#takeWaiting(() => true),
    );
  }

  #takeWaiting(which: (serving: Serving) => boolean): Rerouted[] {
    const taken = this.#host.turns.take(this, which);
    this.#waiting -= taken.length;
    return taken.map((serving) => release(serving));
  }

  #takeUndecided(): Rerouted[] {
    const taken = this.#undecided.concat(this.#decided);
    this.#undecided = [];
    this.#decided = [];
    return taken.map((serving) => release(serving));
  }

  #nowMs(): number {
    return Math.floor(this.#host.env.wallMs());
  }

  /** `late`: the pass has no more time for it, whatever it costs. */
  #begin(serving: Serving, nowMs: number, late: boolean): void {
    const { request, args } = serving.read;
    let work = 0;
    // A page of keys is read in the background, a few at a time.
    if (mayCostMuch(request.spec, args.length) && request.spec.opcode < Opcode.keyPage) {
      // What is not known may be much; once its rows were fetched, it is known.
      const known = late ? undefined : this.#replica.machine.workOfRead(request.spec, request.slot, args);
      work = known ?? COSTLY_READ_WORK_BYTES;
    }
    if (!late && work < COSTLY_READ_WORK_BYTES && !this.#host.turns.mustWait(request)) {
      return this.#try(serving, nowMs);
    }
    mark("replica: read waits for its turn");
    if (this.#host.turns.add(this, serving, serving.read.request, work)) this.#waiting += 1;
    else release(serving);
  }

  #try(serving: Serving, nowMs: number): void {
    const { machine } = this.#replica;
    const { request, args } = serving.read;
    serving.since ??= this.#replica.applied;
    if (request.spec.opcode >= Opcode.keyPage) return this.#readKeys(serving, nowMs);
    const reply = machine.read(request.spec, request.slot, args, nowMs);
    if (reply === NOT_RESIDENT) return this.#fetch(serving);
    if (machine.undecided && !serving.stale) return this.#decide(serving);
    const { since } = serving;
    if (this.#replica.applied !== since && machine.changedSince(request.spec, request.slot, args, since)) {
      request.retried?.();
    }
    machine.countRead();
    release(serving);
    request.complete(reply);
  }

  /**
   * It had no effect: fetch what it needs, pin it, run it again - on the state as it is then, which is newer. What was
   * resident the first time may be gone by then; the pins gather until all is there.
   */
  #fetch(serving: Serving): void {
    mark("replica: read fetches its rows");
    this.#fetching.add(serving);
    const { request, args } = serving.read;
    const { machine, space } = this.#replica;
    space.fetch(machine.missingForRead(request.spec, request.slot, args), (pins) => {
      // Not there any more: it was taken elsewhere.
      if (!this.#fetching.delete(serving)) return pins.release();
      serving.pinned.push(pins);
      this.#begin(serving, this.#nowMs(), false);
    });
  }

  /** It reads pages of keys, of one moment behind its turn: nothing has to be resident. */
  #readKeys(serving: Serving, nowMs: number): void {
    const { request, args } = serving.read;
    // Once log time has passed the moment of the first try, that decides: of a thousand keys one may end in any moment, and
    // if each try went by its own, there would be no last one.
    serving.clockMs = Math.min(serving.clockMs ?? nowMs, nowMs);
    this.#fetching.add(serving);
    this.#keyReads.read(request, args, serving.clockMs, (reply, undecided) => {
      // Not there any more: it was taken elsewhere.
      if (!this.#fetching.delete(serving)) return;
      if (undecided && !serving.stale) return this.#decide(serving);
      request.complete(reply);
    });
  }

  #decide(serving: Serving): void {
    if (!this.#replica.leads) return this.#reroute([release(serving)]);
    mark("replica: read waits for log time");
    this.#undecided.push(serving);
    if (this.#undecided.length > 1) return;
    const reroute = (): void => this.#reroute(this.#takeUndecided());
    const complete = (reply: Reply): void => {
      if (reply.type === "error") return reroute();
      // In the middle of an entry: the state is whole again when `resume` is called.
      this.#decided = this.#decided.concat(this.#undecided);
      this.#undecided = [];
    };
    const request: Request = {
      spec: TIME,
      args: NO_ARGS,
      slot: NO_SLOT,
      redirect: false,
      stale: false,
      complete,
      giveBack: reroute,
    };
    this.#replica.submitWrite(request, NO_ARGS);
  }

  #reroute(reads: readonly Rerouted[]): void {
    if (reads.length > 0) this.#host.reroute(this.#replica.group, reads);
  }
}

function release({ read, pinned }: Serving): Rerouted {
  // Most reads have none, and making an array empty that is so already is not free.
  if (pinned.length === 0) return read;
  for (const pins of pinned) pins.release();
  pinned.length = 0;
  return read;
}
