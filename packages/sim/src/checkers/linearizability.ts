import type { Operation } from "./history.ts";

export type Verdict =
  | { readonly linearizable: true }
  | {
      readonly linearizable: false;
      /** The longest order that explains a part of the history, and ... */
      readonly explained: readonly Operation[];
      /** ... the operations of which one had to come next, none of which it explains. */
      readonly stuck: readonly Operation[];
    }
  /** The search was given up: too many orders were possible. */
  | { readonly linearizable: undefined };

/** The key's value; null: there is none. */
type State = string | null;

/** What may come next in an order. */
interface Choice {
  readonly operation: Placed;
  /** Took effect directly before it, although nobody learned its end. */
  readonly unseen: Placed | undefined;
  readonly after: State;
}

/** One place of an order: what was chosen there, and what else might have been. */
interface Place {
  readonly choices: readonly Choice[];
  next: number;
  readonly before: State;
}

interface Placed {
  readonly operation: Operation;
  /** Its bit. */
  readonly at: number;
}

/** Orders looked at before a search is given up. */
const SEARCH_MAX = 500_000;

/**
 * Whether the operations on one key can be explained by one at a time taking effect between its beginning and its end:
 * Wing & Gong's search with Lowe's memory of (operations done, state), as Porcupine does it, for one key.
 *
 * Refused operations never take effect. Those whose end is unknown may at any later time, or never. One that takes
 * effect and is not seen by the very next operation in the order might as well never have: so they are not placed by
 * themselves, but only before an operation that is explained by them. That keeps histories with many of them decidable.
 */
export function checkKey(history: readonly Operation[], searchMax: number = SEARCH_MAX): Verdict {
  return new Search(history, searchMax).run();
}

/** The state after it, or undefined when it could not have answered as it did. */
function step(state: State, operation: Operation): State | undefined {
  switch (operation.kind) {
    case "set":
      return operation.value;
    case "get":
      return operation.result === state ? state : undefined;
    case "del":
      return operation.outcome !== "done" || operation.result === (state === null ? 0 : 1) ? null : undefined;
  }
}

class Search {
  readonly #searchMax: number;
  /** In the order of their beginnings. */
  readonly #definite: readonly Placed[];
  readonly #unknown: readonly Placed[];
  readonly #placedOf: Map<Operation, Placed> = new Map();
  readonly #done: Uint32Array;
  readonly #seen: Set<string> = new Set();
  readonly #places: Place[] = [];
  /** All before it are done. */
  #firstOpen = 0;
  #doneCount = 0;
  #state: State = null;
  #searched = 0;
  #best: { readonly explained: readonly Operation[]; readonly stuck: readonly Operation[] } = {
    explained: [],
    stuck: [],
  };

  constructor(history: readonly Operation[], searchMax: number) {
    this.#searchMax = searchMax;
    const matter = history.filter(
      ({ outcome, kind }) => outcome === "done" || (kind !== "get" && outcome !== "refused"),
    );
    const placed = matter
      .sort((left, right) => left.began - right.began)
      .map((operation, at): Placed => ({ operation, at }));
    for (const one of placed) this.#placedOf.set(one.operation, one);
    this.#definite = placed.filter(({ operation }) => operation.outcome === "done");
    this.#unknown = placed.filter(({ operation }) => operation.outcome !== "done");
    this.#done = new Uint32Array(Math.ceil(placed.length / 32));
  }

  run(): Verdict {
    this.#enter();
    while (this.#doneCount < this.#definite.length) {
      const place = this.#places.at(-1);
      if (place === undefined) return { linearizable: false, ...this.#best };
      this.#searched += 1;
      if (this.#searched > this.#searchMax) return { linearizable: undefined };
      const choice = place.choices[place.next];
      if (choice === undefined) {
        this.#places.pop();
        const last = this.#places.at(-1);
        if (last !== undefined) this.#takeBack(last);
      } else {
        place.next += 1;
        this.#take(choice);
      }
    }
    return { linearizable: true };
  }

  #take({ operation, unseen, after }: Choice): void {
    this.#mark(operation, true);
    if (unseen !== undefined) this.#mark(unseen, true);
    this.#doneCount += 1;
    this.#state = after;
    const memory = `${this.#done.join()}|${after ?? ""}`;
    if (this.#seen.has(memory)) {
      this.#takeBack(this.#places.at(-1) as Place);
      return;
    }
    this.#seen.add(memory);
    this.#enter();
  }

  /** Undoes the choice that was made last at this place. */
  #takeBack(place: Place): void {
    const { operation, unseen } = place.choices[place.next - 1] as Choice;
    this.#mark(operation, false);
    if (unseen !== undefined) this.#mark(unseen, false);
    this.#doneCount -= 1;
    this.#state = place.before;
    this.#firstOpen = 0;
  }

  #enter(): void {
    const open = this.#open();
    const choices: Choice[] = [];
    for (const operation of open.operations) this.#choicesOf(operation, open.endMs, choices);
    if (choices.length === 0 && this.#places.length >= this.#best.explained.length) {
      const explained = this.#places.map(({ choices: made, next }) => (made[next - 1] as Choice).operation.operation);
      this.#best = { explained, stuck: open.operations.map(({ operation }) => operation) };
    }
    this.#places.push({ choices, next: 0, before: this.#state });
  }

  /** Definite operations that may come next: those that began before any of the open ones ended. */
  #open(): { readonly operations: readonly Placed[]; readonly endMs: number } {
    const operations: Placed[] = [];
    let endMs = Number.POSITIVE_INFINITY;
    while (this.#firstOpen < this.#definite.length && this.#isDone(this.#definite[this.#firstOpen] as Placed)) {
      this.#firstOpen += 1;
    }
    for (let at = this.#firstOpen; at < this.#definite.length; at += 1) {
      const placed = this.#definite[at] as Placed;
      if (this.#isDone(placed)) continue;
      if (placed.operation.began > endMs) break;
      endMs = Math.min(endMs, placed.operation.ended);
      operations.push(placed);
    }
    return { operations, endMs };
  }

  #choicesOf(placed: Placed, endMs: number, choices: Choice[]): void {
    const { operation } = placed;
    if (!this.#mayFollow(operation)) return;
    const after = step(this.#state, operation);
    if (after !== undefined) {
      choices.push({ operation: placed, unseen: undefined, after });
      return;
    }
    for (const unseen of this.#unknown) {
      if (unseen.operation.began > endMs) break;
      if (this.#isDone(unseen)) continue;
      const between = step(this.#state, unseen.operation);
      const seen = between === undefined ? undefined : step(between, operation);
      if (seen !== undefined) choices.push({ operation: placed, unseen, after: seen });
    }
  }

  /** What one connection sent before has happened before, if it certainly happened. */
  #mayFollow({ behind }: Operation): boolean {
    return behind.every((before) => {
      if (before.outcome !== "done") return this.#mayFollow(before);
      const placed = this.#placedOf.get(before);
      return placed === undefined || this.#isDone(placed);
    });
  }

  #isDone({ at }: Placed): boolean {
    return (((this.#done[at >>> 5] as number) >>> (at & 31)) & 1) === 1;
  }

  #mark({ at }: Placed, done: boolean): void {
    const word = this.#done[at >>> 5] as number;
    const bit = 1 << (at & 31);
    this.#done[at >>> 5] = done ? word | bit : word & ~bit;
  }
}
