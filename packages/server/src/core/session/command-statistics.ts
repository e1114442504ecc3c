import { DurationHistogram } from "../base/index.ts";
import type { CommandSpec } from "../command/index.ts";

/**
 * - `ok`: it was run, and succeeded.
 * - `failed`: it was run, or may have been, and answered with an error.
 * - `rejected`: it was certainly not run: wrong number of arguments, no permission, MOVED, no leader, ...
 */
export type CommandResult = "ok" | "failed" | "rejected";

/** Numbers of one command. */
export class CommandStatistic {
  /** Full and in lower case: `get`, `config|set`. */
  readonly name: string;
  /** Run, with whatever result. */
  calls = 0;
  /** Of the calls. */
  failed = 0;
  /** Not among the calls. */
  rejected = 0;
  /** From the pass in which a call arrived to the end of the pass that answered it. One for each call. */
  readonly durations: DurationHistogram;

  constructor(name: string, durations: DurationHistogram = new DurationHistogram()) {
    this.name = name;
    this.durations = durations;
  }

  since(earlier: CommandStatistic): CommandStatistic {
    const difference = new CommandStatistic(this.name, this.durations.since(earlier.durations));
    difference.calls = this.calls - earlier.calls;
    difference.failed = this.failed - earlier.failed;
    difference.rejected = this.rejected - earlier.rejected;
    return difference;
  }
}

/** Kinds of errors that are counted by name; the words come from the code, not from clients, so there are far fewer. */
const ERROR_KINDS_MAX = 128;

/** What became of the commands that clients sent since the start: INFO, LATENCY and the metrics read it. It only grows. */
export class CommandStatistics {
  /** Commands whose name is not in the table. */
  unknown = 0;
  /** By opcode; undefined until a command is sent for the first time. */
  readonly #ofShards: (CommandStatistic | undefined)[] = [];
  readonly #byName: Map<string, CommandStatistic> = new Map();
  readonly #errors: Map<string, number> = new Map();

  /** `durationUs`: whole microseconds; not looked at for what was rejected. */
  record(spec: CommandSpec, result: CommandResult, durationUs: number): void {
    const statistic = (spec.opcode > 0 ? this.#ofShards[spec.opcode] : this.#byName.get(spec.name)) ?? this.#make(spec);
    if (result === "rejected") {
      statistic.rejected += 1;
      return;
    }
    statistic.calls += 1;
    if (result === "failed") statistic.failed += 1;
    statistic.durations.record(durationUs);
  }

  /** An error reply, by its first word (`ERR`, `WRONGTYPE`, `MOVED`). */
  recordError(kind: string): void {
    const count = this.#errors.get(kind) ?? 0;
    if (count > 0 || this.#errors.size < ERROR_KINDS_MAX) this.#errors.set(kind, count + 1);
  }

  /** Commands that were called or rejected, in the order of their names. */
  forEach(visit: (statistic: CommandStatistic) => void): void {
    const used = [...this.#byName.values()].filter(({ calls, rejected }) => calls + rejected > 0);
    for (const statistic of used.sort((left, right) => (left.name < right.name ? -1 : 1))) visit(statistic);
  }

  get(name: string): CommandStatistic | undefined {
    return this.#byName.get(name);
  }

  get errors(): ReadonlyMap<string, number> {
    return this.#errors;
  }

  /** What was counted after `earlier`, which is a copy of these statistics at an earlier time, or new: then a copy. */
  since(earlier: CommandStatistics): CommandStatistics {
    const difference = new CommandStatistics();
    difference.unknown = this.unknown - earlier.unknown;
    for (const [name, statistic] of this.#byName) {
      const before = earlier.get(name) ?? new CommandStatistic(name);
      difference.#byName.set(name, statistic.since(before));
    }
    for (const [kind, count] of this.#errors) {
      const added = count - (earlier.errors.get(kind) ?? 0);
      if (added > 0) difference.#errors.set(kind, added);
    }
    return difference;
  }

  /** One for each name: EXEC is several opcodes on a shard, and one command. */
  #make(spec: CommandSpec): CommandStatistic {
    const statistic = this.#byName.get(spec.name) ?? new CommandStatistic(spec.name);
    this.#byName.set(spec.name, statistic);
    // Without holes: reading them is slow.
    while (this.#ofShards.length <= spec.opcode) this.#ofShards.push(undefined);
    if (spec.opcode > 0) this.#ofShards[spec.opcode] = statistic;
    return statistic;
  }
}

/** Errors that say: it did not take effect and will not. Clients try these again by themselves. */
const REJECTIONS: ReadonlySet<string> = new Set([
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "CLUSTERDOWN",
  "LOADING",
  "BUSY",
  "NOPERM",
]);

/** What an error reply of a shard means for the statistics. */
export const resultOfError = (kind: string): CommandResult => (REJECTIONS.has(kind) ? "rejected" : "failed");
