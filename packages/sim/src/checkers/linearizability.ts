import type { Operation } from "./history.ts";

export type Verdict =
  | { readonly linearizable: true }
  | {
      readonly linearizable: false;
      /** The longest order that explains the history, and ... */
      readonly explained: readonly Operation[];
      /** ... operations that had to come next and that nothing explains. */
      readonly stuck: readonly Operation[];
    }
  /** The search was given up: too many orders were possible. */
  | { readonly linearizable: undefined };

type State = string | null;

/** One call or return, in a list from which operations are taken out and put back. */
interface Node {
  readonly operation: Operation;
  /** Position in the bit set. */
  readonly at: number;
  /** Of a call: its return; undefined for one that never returned. */
  readonly match: Node | undefined;
  readonly isCall: boolean;
  previous: Node;
  next: Node;
}

interface Step {
  readonly call: Node;
  readonly before: State;
}

/** States looked at before a search is given up. */
const SEARCH_MAX = 2_000_000;

/**
 * Whether the operations on one key can be explained by one at a time taking effect between its call and its return.
 * Wing & Gong's search with Lowe's memory of (operations done, state), as in Porcupine. Operations whose end is unknown
 * may take effect at any later time or never; refused ones never.
 */
export function checkKey(history: readonly Operation[], searchMax: number = SEARCH_MAX): Verdict {
  const operations = history.filter(matters);
  return new Search(operations, searchMax).run();
}

const matters = (operation: Operation): boolean =>
  operation.outcome === "done" || (operation.kind !== "get" && operation.outcome !== "refused");

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
  readonly #head: Node;
  readonly #positions: Map<Operation, number> = new Map();
  readonly #done: Uint32Array;
  readonly #seen: Set<string> = new Set();
  readonly #steps: Step[] = [];
  #state: State = null;
  #definiteLeft = 0;
  #best: readonly Operation[] = [];
  #stuck: readonly Operation[] = [];
  #searched = 0;

  constructor(operations: readonly Operation[], searchMax: number) {
    this.#searchMax = searchMax;
    this.#done = new Uint32Array(Math.ceil(operations.length / 32));
    operations.forEach((operation, at) => this.#positions.set(operation, at));
    this.#head = link(operations);
    for (const operation of operations) if (operation.outcome === "done") this.#definiteLeft += 1;
  }

  run(): Verdict {
    let node = this.#head.next;
    while (this.#definiteLeft > 0) {
      if (node !== this.#head && node.isCall) {
        node = this.#take(node) ? this.#head.next : node.next;
        this.#searched += 1;
        if (this.#searched > this.#searchMax) return { linearizable: undefined };
        continue;
      }
      // A return that nothing before it explains: the last choice was wrong.
      this.#note(node);
      const last = this.#steps.pop();
      if (last === undefined) return { linearizable: false, explained: this.#best, stuck: this.#stuck };
      this.#putBack(last);
      node = last.call.next;
    }
    return { linearizable: true };
  }

  #take(call: Node): boolean {
    const { operation } = call;
    const { behind } = operation;
    // What one connection sent before has happened, if it happened at all.
    if (behind?.outcome === "done" && operation.outcome === "done" && !this.#isDone(this.#positions.get(behind))) {
      return false;
    }
    const after = step(this.#state, operation);
    if (after === undefined) return false;
    this.#mark(call.at, true);
    const memory = `${this.#done.join()}|${after ?? ""}`;
    if (this.#seen.has(memory)) {
      this.#mark(call.at, false);
      return false;
    }
    this.#seen.add(memory);
    this.#steps.push({ call, before: this.#state });
    this.#state = after;
    if (operation.outcome === "done") this.#definiteLeft -= 1;
    unlink(call);
    if (call.match !== undefined) unlink(call.match);
    return true;
  }

  #putBack({ call, before }: Step): void {
    this.#state = before;
    this.#mark(call.at, false);
    if (call.operation.outcome === "done") this.#definiteLeft += 1;
    if (call.match !== undefined) relink(call.match);
    relink(call);
  }

  /** Remembers how far an order came that explains the most. */
  #note(at: Node): void {
    if (this.#steps.length < this.#best.length) return;
    this.#best = this.#steps.map(({ call }) => call.operation);
    this.#stuck = at === this.#head ? [] : [at.operation];
  }

  #isDone(position: number | undefined): boolean {
    if (position === undefined) return true;
    return (((this.#done[position >>> 5] as number) >>> (position & 31)) & 1) === 1;
  }

  #mark(position: number, done: boolean): void {
    const word = this.#done[position >>> 5] as number;
    const bit = 1 << (position & 31);
    this.#done[position >>> 5] = done ? word | bit : word & ~bit;
  }
}

/** A ring of calls and returns in the order of their moments; the head is neither. */
function link(operations: readonly Operation[]): Node {
  const nodes: { readonly moment: number; readonly node: Node }[] = [];
  operations.forEach((operation, at) => {
    const loose = undefined as unknown as Node;
    const ends = operation.outcome === "done";
    const match: Node | undefined = ends
      ? { operation, at, match: undefined, isCall: false, previous: loose, next: loose }
      : undefined;
    nodes.push({
      moment: operation.began,
      node: { operation, at, match, isCall: true, previous: loose, next: loose },
    });
    if (match !== undefined) nodes.push({ moment: operation.ended, node: match });
  });
  nodes.sort((left, right) => left.moment - right.moment);
  const head = { isCall: false } as Node;
  let last = head;
  for (const { node } of nodes) {
    last.next = node;
    node.previous = last;
    last = node;
  }
  last.next = head;
  head.previous = last;
  return head;
}

function unlink(node: Node): void {
  node.previous.next = node.next;
  node.next.previous = node.previous;
}

function relink(node: Node): void {
  node.previous.next = node;
  node.next.previous = node;
}
