import type { Operation, Outcome } from "@sherd/sim/checkers";
import type { Wanted } from "./wanted.ts";

/** Pieces that APPEND adds have the same length: the number of the operation. */
const PIECE_CHARACTERS = 8;

/** All that clients did and saw, by key. */
export class Recorder {
  readonly #byKey = new Map<string, Operation[]>();
  readonly #all: Operation[] = [];
  readonly #startedMs: number = performance.now();
  readonly #counts = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  #moment = 0;

  /** Since the beginning of the run. */
  get nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  get operations(): number {
    return this.#all.length;
  }

  /** By kind and outcome. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Why operations were refused or stayed unknown. */
  get reasons(): ReadonlyMap<string, number> {
    return this.#reasons;
  }

  get keys(): IterableIterator<string> {
    return this.#byKey.keys();
  }

  of(key: string): readonly Operation[] {
    return this.#byKey.get(key) ?? [];
  }

  /** Called before the command is sent. `history`: the key, or the hash tag of keys that are used together. */
  begin(client: string, history: string, wanted: Wanted, behind: readonly Operation[] = []): Operation {
    const id = this.#all.length;
    this.#moment += 1;
    const base = {
      id,
      client,
      key: history,
      keys: wanted.keys,
      began: this.#moment,
      beganMs: this.nowMs,
      ended: Number.POSITIVE_INFINITY,
      endedMs: Number.POSITIVE_INFINITY,
      outcome: "open" as Outcome,
      behind,
    };
    const operation = complete(wanted, base, String(id));
    this.#all.push(operation);
    const operations = this.#byKey.get(history);
    if (operations === undefined) this.#byKey.set(history, [operation]);
    else operations.push(operation);
    return operation;
  }

  /** Called after the answer has come. */
  end(operation: Operation, outcome: Exclude<Outcome, "open">, why?: string): void {
    operation.outcome = outcome;
    operation.endedMs = this.nowMs;
    this.#moment += 1;
    if (outcome !== "unknown") operation.ended = this.#moment;
    add(this.#counts, `${operation.kind} ${outcome}`);
    if (why !== undefined) add(this.#reasons, `${outcome}: ${why}`);
  }

  /** A value that was read, as the text that was written: long values are kept once. */
  asWritten(text: string): string {
    const written = this.#all[Number.parseInt(text, 10)];
    return written?.kind === "set" && written.value === text ? written.value : text;
  }
}

function complete(
  { kind, only, valueCharacters }: Wanted,
  base: Omit<Operation, "kind" | "value" | "result" | "only">,
  number: string,
): Operation {
  switch (kind) {
    case "set":
      return { ...base, kind, value: `${number}:`.padEnd(valueCharacters, "x"), ...(only && { only }), result: 0 };
    case "append":
      return { ...base, kind, value: number.padStart(PIECE_CHARACTERS, "0"), result: 0 };
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

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
