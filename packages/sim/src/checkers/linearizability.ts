import { isRead, type Operation } from "./history.ts";
import { expiriesOf, type Model, register, type Step, values } from "./models.ts";
import { changesNothing, overwrites, unobservedWrites } from "./reductions.ts";
import { checkSequence } from "./sequence.ts";

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

/** What may come next in an order. */
interface Choice<State> {
  readonly operation: Placed;
  /** Took effect directly before it, although nobody learned its end. */
  readonly unseen: Placed | undefined;
  readonly after: State;
}

/** One place of an order: what was chosen there, and what else might have been. */
interface Place<State> {
  readonly choices: readonly Choice<State>[];
  next: number;
  readonly before: State;
}

/** What may come next, and until when something must. */
interface Open {
  readonly operations: readonly Placed[];
  readonly endMs: number;
}

interface Placed {
  readonly operation: Step;
  /** Its bit. */
  readonly at: number;
}

/** Orders looked at before a search is given up. */
const SEARCH_MAX = 500_000;

/**
 * Whether what happened to one key (or to keys of one slot that are used together) can be explained by one operation at
 * a time taking effect between its beginning and its end. The operations themselves say by which model.
 */
export function checkKey(history: readonly Operation[], searchMax: number = SEARCH_MAX): Verdict {
  if (history.some(({ kind }) => kind === "incr" || kind === "append")) return checkSequence(history);
  const plain = history.every(
    (operation) =>
      operation.kind !== "mset" &&
      operation.kind !== "mget" &&
      operation.kind !== "exec" &&
      (operation.kind === "flush" || (operation.keys.length === 1 && operation.keys[0] === operation.key)) &&
      !("only" in operation),
  );
  return plain ? search(register, history, searchMax) : search(values, history, searchMax);
}

/**
 * Wing & Gong's search with Lowe's memory of (operations done, state), as Porcupine does it, for one history.
 *
 * Refused operations never take effect. Those whose end is unknown may at any later time, or never. Where writes
 * overwrite, one that takes effect and is not seen by the very next operation in the order might as well never have: so
 * they are not placed by themselves, but only before an operation that is explained by them. Elsewhere they are placed
 * by themselves, but only where they change something.
 *
 * An outage leaves dozens of operations that all overlap, more than can be tried in every order. So of orders that can be
 * turned into each other, only one is tried:
 * - What changes nothing and may come next, does: whatever follows sees the same state without it.
 * - Of writes whose end is unknown and which leave the same behind, the first is taken: the others can stand for it later.
 * - A write that nobody can have seen comes directly before another write, as soon as it may (`unobservedWrites`).
 */
function search<State>(model: Model<State>, history: readonly Operation[], searchMax: number): Verdict {
  return new Search(model, history, searchMax).run();
}

const isOperation = (step: Step): step is Operation => step.kind !== "expiry";
const endsOneValue = ({ operation }: Placed): boolean => operation.kind === "expiry" && operation.value !== null;

class Search<State> {
  readonly #model: Model<State>;
  readonly #searchMax: number;
  /** In the order of their beginnings. */
  readonly #definite: readonly Placed[];
  /** What ends one value only comes first: everything that it can explain, others can explain in its place. */
  readonly #unknown: readonly Placed[];
  readonly #unobserved: ReadonlySet<Step>;
  readonly #placedOf: Map<Step, Placed> = new Map();
  readonly #done: Uint32Array;
  readonly #seen: Set<string> = new Set();
  readonly #places: Place<State>[] = [];
  /** All before it are done. */
  #firstOpen = 0;
  #doneCount = 0;
  #state: State;
  #searched = 0;
  #best: { readonly explained: readonly Operation[]; readonly stuck: readonly Operation[] } = {
    explained: [],
    stuck: [],
  };

  constructor(model: Model<State>, history: readonly Operation[], searchMax: number) {
    this.#model = model;
    this.#state = model.initial;
    this.#searchMax = searchMax;
    const matter = history.filter(
      (operation) => operation.outcome === "done" || (!isRead(operation) && operation.outcome !== "refused"),
    );
    const placed = [...matter, ...expiriesOf(matter)]
      .sort((left, right) => left.began - right.began)
      .map((operation, at): Placed => ({ operation, at }));
    for (const one of placed) this.#placedOf.set(one.operation, one);
    this.#definite = placed.filter(({ operation }) => operation.outcome === "done");
    const unknown = placed.filter(({ operation }) => operation.outcome !== "done");
    this.#unknown = [...unknown.filter(endsOneValue), ...unknown.filter((one) => !endsOneValue(one))];
    this.#unobserved = model.overwrites ? unobservedWrites(model, matter) : new Set();
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

  #take({ operation, unseen, after }: Choice<State>): void {
    this.#mark(operation, true);
    if (unseen !== undefined) this.#mark(unseen, true);
    if (operation.operation.outcome === "done") this.#doneCount += 1;
    this.#state = after;
    const memory = `${this.#done.join()}|${this.#model.nameOf(after)}`;
    if (this.#seen.has(memory)) {
      this.#takeBack(this.#places.at(-1) as Place<State>);
      return;
    }
    this.#seen.add(memory);
    this.#enter();
  }

  /** Undoes the choice that was made last at this place. */
  #takeBack(place: Place<State>): void {
    const { operation, unseen } = place.choices[place.next - 1] as Choice<State>;
    this.#mark(operation, false);
    if (unseen !== undefined) this.#mark(unseen, false);
    if (operation.operation.outcome === "done") this.#doneCount -= 1;
    this.#state = place.before;
    this.#firstOpen = 0;
  }

  #enter(): void {
    const open = this.#open();
    const choices = this.#choicesAmong(open);
    if (choices.length === 0 && this.#places.length >= this.#best.explained.length) {
      const explained = this.#places
        .map(({ choices: made, next }) => (made[next - 1] as Choice<State>).operation.operation)
        .filter(isOperation);
      this.#best = { explained, stuck: open.operations.map(({ operation }) => operation).filter(isOperation) };
    }
    this.#places.push({ choices, next: 0, before: this.#state });
  }

  #choicesAmong({ operations, endMs }: Open): Choice<State>[] {
    const next = operations.filter(({ operation }) => this.#mayFollow(operation));
    const idle = next.find(
      ({ operation }) => changesNothing(operation) && this.#model.step(this.#state, operation) !== undefined,
    );
    if (idle !== undefined) return [{ operation: idle, unseen: undefined, after: this.#state }];
    const choices: Choice<State>[] = [];
    const unobserved = next.find(({ operation }) => this.#unobserved.has(operation));
    for (const placed of next) {
      if (unobserved !== undefined && placed !== unobserved && overwrites(placed.operation)) continue;
      this.#choicesOf(placed, endMs, choices);
    }
    if (!this.#model.overwrites) this.#unseenChoices(endMs, choices);
    return choices;
  }

  /** Definite operations that may come next: those that began before any of the open ones ended. */
  #open(): Open {
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

  #choicesOf(placed: Placed, endMs: number, choices: Choice<State>[]): void {
    const { operation } = placed;
    const after = this.#model.step(this.#state, operation);
    if (after !== undefined) {
      choices.push({ operation: placed, unseen: undefined, after });
      return;
    }
    if (!this.#model.overwrites) return;
    const tried = new Set<string>();
    for (const unseen of this.#unknown) {
      if (unseen.operation.began > endMs || this.#isDone(unseen)) continue;
      const between = this.#model.step(this.#state, unseen.operation);
      const seen = between === undefined ? undefined : this.#model.step(between, operation);
      if (between === undefined || seen === undefined) continue;
      const name = this.#model.nameOf(between);
      if (tried.has(name)) continue;
      tried.add(name);
      choices.push({ operation: placed, unseen, after: seen });
    }
  }

  #unseenChoices(endMs: number, choices: Choice<State>[]): void {
    const before = this.#model.nameOf(this.#state);
    for (const placed of this.#unknown) {
      if (placed.operation.began > endMs || this.#isDone(placed)) continue;
      const after = this.#model.step(this.#state, placed.operation);
      if (after === undefined || this.#model.nameOf(after) === before) continue;
      choices.push({ operation: placed, unseen: undefined, after });
    }
  }

  /** What one connection sent before has happened before, if it certainly happened. */
  #mayFollow({ behind }: Step): boolean {
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
