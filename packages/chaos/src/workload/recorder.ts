import { Histories, type Operation, type Outcome, type Wanted } from "@sherd/sim/checkers";

/** All that clients did and saw, by key. */
export class Recorder {
  readonly #startedMs: number = performance.now();
  readonly #histories: Histories;
  readonly #counts = new Map<string, number>();
  readonly #reasons = new Map<string, number>();

  constructor() {
    let moments = 0;
    this.#histories = new Histories(
      () => this.nowMs,
      () => (moments += 1),
    );
  }

  /** Since the beginning of the run. */
  get nowMs(): number {
    return performance.now() - this.#startedMs;
  }

  get operations(): number {
    return this.#histories.operations;
  }

  /** By kind and outcome. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Why operations were refused or stayed unknown. */
  get reasons(): ReadonlyMap<string, number> {
    return this.#reasons;
  }

  /** Those that have no answer yet. */
  get open(): readonly Operation[] {
    return [...this.#histories.open];
  }

  get keys(): readonly string[] {
    return this.#histories.keys;
  }

  of(key: string): readonly Operation[] {
    return this.#histories.of(key);
  }

  /** Called before the command is sent. `history`: the key, or the hash tag of keys that are used together. */
  begin(client: string, history: string, wanted: Wanted, behind?: readonly Operation[]): Operation {
    return this.#histories.begin(client, history, wanted, behind);
  }

  /** Called after the answer has come. */
  end(operation: Operation, outcome: Exclude<Outcome, "open">, why?: string): void {
    this.#histories.end(operation, outcome);
    add(this.#counts, `${operation.kind} ${outcome}`);
    if (why !== undefined) add(this.#reasons, `${outcome}: ${why}`);
  }

  /** A value that was read, as the text that was written: long values are kept once. */
  asWritten(text: string): string {
    const written = this.#histories.writerOf(text);
    return written?.kind === "set" && written.value === text ? written.value : text;
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
