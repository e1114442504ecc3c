import type { DeleteOperation, GetOperation, Operation, Outcome, SetOperation } from "../checkers/index.ts";
import type { World } from "../world/index.ts";

/** All that clients did, by key. */
export class Recorder {
  readonly #world: World;
  readonly #byKey: Map<string, Operation[]> = new Map();
  readonly #open: Set<Operation> = new Set();
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

  of(key: string): readonly Operation[] {
    return this.#byKey.get(key) ?? [];
  }

  /** `valueBytes`: length of the value of a SET, at least. */
  begin(
    client: string,
    kind: Operation["kind"],
    key: string,
    behind: readonly Operation[],
    valueBytes: number,
  ): Operation {
    this.#operations += 1;
    const base = {
      id: this.#operations,
      client,
      key,
      began: this.#world.moment(),
      beganMs: this.#world.nowMs,
      ended: Number.POSITIVE_INFINITY,
      endedMs: Number.POSITIVE_INFINITY,
      outcome: "open" as Outcome,
      behind,
    };
    const operation: Operation =
      kind === "set"
        ? ({ ...base, kind, value: `${this.#operations}`.padEnd(valueBytes, ".") } satisfies SetOperation)
        : kind === "get"
          ? ({ ...base, kind, result: null } satisfies GetOperation)
          : ({ ...base, kind, result: 0 } satisfies DeleteOperation);
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
  }
}
