import { isRead, type Operation, type Outcome, type StaleRead } from "../checkers/index.ts";
import type { World } from "../world/index.ts";

/** What an operation is besides its kind and its history. */
export interface Particulars {
  /** Those before it on the connection that happen first. */
  readonly behind?: readonly Operation[];
  /** Length of the value of a SET, at least. */
  readonly valueBytes?: number;
  /** All of one slot; the history's name when not given. */
  readonly keys?: readonly string[];
  readonly only?: "nx" | "xx" | undefined;
  readonly expiresMs?: number | undefined;
}

/** Of the pieces that APPEND adds: the operation's number. */
const PIECE_BYTES = 8;

/** All that clients did, by key. */
export class Recorder {
  readonly #world: World;
  readonly #byKey: Map<string, Operation[]> = new Map();
  readonly #open: Set<Operation> = new Set();
  readonly #stale: Map<string, StaleRead[]> = new Map();
  #operations = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get operations(): number {
    return this.#operations;
  }

  get open(): Iterable<Operation> {
    return this.#open;
  }

  get keys(): string[] {
    return [...this.#byKey.keys()].sort();
  }

  staleReadsOf(key: string): readonly StaleRead[] {
    return this.#stale.get(key) ?? [];
  }

  of(key: string): readonly Operation[] {
    return this.#byKey.get(key) ?? [];
  }

  /** `key`: name of its history, the key itself unless `keys` says otherwise. */
  begin(client: string, kind: Operation["kind"], key: string, more: Particulars = {}): Operation {
    this.#operations += 1;
    const operation = makeOperation(kind, more, `${this.#operations}`, {
      id: this.#operations,
      client,
      key,
      keys: more.keys ?? [key],
      began: this.#world.moment(),
      beganMs: this.#world.nowMs,
      ended: Number.POSITIVE_INFINITY,
      endedMs: Number.POSITIVE_INFINITY,
      outcome: "open" as Outcome,
      behind: more.behind ?? [],
    });
    const history = this.#byKey.get(key);
    if (history === undefined) this.#byKey.set(key, [operation]);
    else history.push(operation);
    this.#open.add(operation);
    return operation;
  }

  end(operation: Operation, outcome: Exclude<Outcome, "open">): void {
    operation.outcome = outcome;
    operation.endedMs = this.#world.nowMs;
    if (outcome !== "unknown") operation.ended = this.#world.moment();
    this.#open.delete(operation);
    this.#world.coverage.count(`${operation.kind} ${outcome}`);
    if (outcome === "done" && isRead(operation)) this.#world.trace.mix(String(operation.result).length);
  }

  addStale(read: StaleRead): void {
    const reads = this.#stale.get(read.key);
    if (reads === undefined) this.#stale.set(read.key, [read]);
    else reads.push(read);
    this.#world.coverage.count("get READONLY");
  }
}

function makeOperation(
  kind: Operation["kind"],
  { valueBytes = 0, only, expiresMs }: Particulars,
  number: string,
  base: Omit<Operation, "kind" | "value" | "result" | "only" | "expiresMs">,
): Operation {
  switch (kind) {
    case "set":
      return {
        ...base,
        kind,
        value: number.padEnd(valueBytes, "."),
        ...(only && { only }),
        ...(expiresMs && { expiresMs }),
        result: 0,
      };
    case "append":
      return { ...base, kind, value: number.padStart(PIECE_BYTES, "0"), result: 0 };
    case "mset":
      return { ...base, kind, value: number, result: 0 };
    case "mget":
      return { ...base, kind, result: [] };
    case "get":
      return { ...base, kind, result: null };
    default:
      return { ...base, kind, result: 0 };
  }
}
