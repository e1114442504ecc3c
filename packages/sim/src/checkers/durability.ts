import type { GroupId, Index } from "sherd/core/base";
import type { Log, RecoveredGroup } from "sherd/core/log";
import type { Entry, HardState } from "sherd/core/raft";
import { replaceMethods } from "../node/index.ts";
import { Violation } from "../world/index.ts";

/** What the log of one node has said of one group. */
interface Group {
  /** Terms of the entries that were reported durable, by index. */
  readonly terms: Map<number, number>;
  /** The newest term, and the vote in it, that were reported durable. */
  term: number;
  vote: number;
  /** From this index on, writes under way may have replaced or dropped what was durable. */
  unsureFrom: number;
  underway: number;
}

/**
 * Durable means durable: what a node's log has reported is in it when the next process opens it, in its term, unless it
 * was released since; and term and vote do not go back. Compared with what production code made of the simulated disk.
 */
export class Durability {
  readonly #name: string;
  readonly #groups: Map<GroupId, Group> = new Map();

  constructor(name: string) {
    this.#name = name;
  }

  /** The disk did not keep what it took: nothing is expected of it from now on. */
  forget(): void {
    this.#groups.clear();
  }

  /** A process has opened the log: `log` with its reports heard. */
  watch(log: Log): Log {
    this.#compare(log);
    const watched: Partial<Log> = {
      append: (group, hardState, entries, done) => {
        const state = this.#group(group);
        const first = entries[0]?.index;
        begin(state, first ?? Number.POSITIVE_INFINITY);
        log.append(group, hardState, entries, () => {
          appended(state, hardState, entries);
          done();
        });
      },
      reset: (group, index, term, hardState, done) => {
        const state = this.#group(group);
        begin(state, 0);
        log.reset(group, index, term, hardState, () => {
          state.terms.clear();
          keep(state, hardState);
          end(state);
          done();
        });
      },
      remove: (group, done) => {
        this.#groups.delete(group);
        log.remove(group, done);
      },
    };
    return replaceMethods(log, watched);
  }

  #group(group: GroupId): Group {
    let state = this.#groups.get(group);
    if (state === undefined) {
      state = { terms: new Map(), term: 0, vote: 0, unsureFrom: Number.POSITIVE_INFINITY, underway: 0 };
      this.#groups.set(group, state);
    }
    return state;
  }

  #compare(log: Log): void {
    for (const [group, state] of this.#groups) {
      const found = log.recovered.get(group);
      if (found === undefined) {
        if (state.term > 0 || state.terms.size > 0) this.#lost(`group ${group} is not in the log any more`);
        // Its first write had not ended.
        this.#groups.delete(group);
        continue;
      }
      this.#compareHardState(group, state, found);
      for (const [index, term] of state.terms) {
        if (index >= state.unsureFrom || index <= found.truncated.index) continue;
        const there = index > found.last ? undefined : log.term(group, index as Index);
        if (there !== term) this.#lost(`group ${group}, index ${index} of term ${term}: there is term ${there}`);
      }
      // What is there now is what counts; what was under way has ended one way or the other.
      for (const index of state.terms.keys()) {
        if (index <= found.truncated.index || index >= state.unsureFrom) state.terms.delete(index);
      }
      state.unsureFrom = Number.POSITIVE_INFINITY;
      state.underway = 0;
    }
  }

  #compareHardState(group: GroupId, state: Group, { hardState }: RecoveredGroup): void {
    const kept =
      hardState.term > state.term ||
      (hardState.term === state.term && (state.vote === 0 || hardState.vote === state.vote));
    if (kept) return;
    const then = `term ${state.term}, vote ${state.vote}`;
    this.#lost(`group ${group}: ${then} were durable, found are term ${hardState.term}, vote ${hardState.vote}`);
  }

  #lost(what: string): never {
    throw new Violation("durable means durable", `${this.#name}: ${what}`);
  }
}

function begin(state: Group, firstReplaced: number): void {
  state.underway += 1;
  state.unsureFrom = Math.min(state.unsureFrom, firstReplaced);
}

function end(state: Group): void {
  state.underway -= 1;
  if (state.underway === 0) state.unsureFrom = Number.POSITIVE_INFINITY;
}

function keep(state: Group, hardState: HardState | undefined): void {
  if (hardState === undefined) return;
  state.term = hardState.term;
  state.vote = hardState.vote;
}

function appended(state: Group, hardState: HardState | undefined, entries: readonly Entry[]): void {
  keep(state, hardState);
  const first = entries[0];
  if (first !== undefined && state.terms.has(first.index)) {
    for (const index of state.terms.keys()) if (index >= first.index) state.terms.delete(index);
  }
  for (const entry of entries) state.terms.set(entry.index, entry.term);
  end(state);
}
