import { assert, type GroupId, index, replicaId, type Term, term } from "../base/index.ts";
import type { HardState } from "../raft/index.ts";
import type { Position } from "./format.ts";
import { EntryPlaces } from "./places.ts";
import type { RecoveredGroup } from "./types.ts";

const NO_HARD_STATE: HardState = { term: term(0), vote: replicaId(0), commit: index(0) };

/** What the log knows of one group. Recovery builds it from records, appending keeps it current: by the same steps. */
export class GroupState {
  readonly id: GroupId;
  hardState: HardState = NO_HARD_STATE;
  /** The position before the first entry that is still there. */
  truncatedIndex: number;
  truncatedTerm: number;
  last: number;
  readonly places: EntryPlaces = new EntryPlaces();
  #termRuns: { first: number; readonly term: number }[] = [];
  /** The segment of the newest record. It tells hard state and position, so it is needed even without any entry. */
  newestSequence = 0;
  /** The store has durably flushed up to here; nothing above is ever dropped. */
  durable = 0;
  /** Others want entries from here on. */
  wanted = 0;
  /** A snapshot that is being sent will need them from here on; infinite: none is. */
  pinned: number = Number.POSITIVE_INFINITY;

  constructor(id: GroupId, start: Position) {
    this.id = id;
    this.truncatedIndex = start.index;
    this.truncatedTerm = start.term;
    this.last = start.index;
    this.places.clear(start.index + 1);
  }

  /** Discards all entries: the log of the group begins behind `start`. */
  restart(start: Position): void {
    this.truncatedIndex = start.index;
    this.truncatedTerm = start.term;
    this.last = start.index;
    this.#termRuns = [];
    this.places.clear(start.index + 1);
  }

  /** The place of the next entry. */
  push(entryIndex: number, entryTerm: number, sequence: number, offset: number, bytes: number): void {
    assert(entryIndex === this.last + 1, "entries of a group follow each other without gaps");
    this.places.push(sequence, offset, bytes);
    const run = this.#termRuns.at(-1);
    if (run === undefined || run.term !== entryTerm) this.#termRuns.push({ first: entryIndex, term: entryTerm });
    this.last = entryIndex;
  }

  truncateAfter(keep: number): void {
    assert(keep >= this.truncatedIndex, "what the log has dropped is never replaced");
    if (keep >= this.last) return;
    this.places.truncateAfter(keep);
    while ((this.#termRuns.at(-1)?.first ?? -1) > keep) this.#termRuns.pop();
    this.last = keep;
  }

  dropThrough(drop: number): void {
    if (drop <= this.truncatedIndex) return;
    this.truncatedTerm = this.position(drop).term;
    this.truncatedIndex = drop;
    this.places.dropThrough(drop);
    while (this.#termRuns.length > 1 && (this.#termRuns[1]?.first ?? 0) <= drop + 1) this.#termRuns.shift();
    if (drop === this.last) this.#termRuns = [];
    else if (this.#termRuns[0] !== undefined) this.#termRuns[0].first = Math.max(this.#termRuns[0].first, drop + 1);
  }

  termAt(at: number): Term | undefined {
    if (at === this.truncatedIndex) return term(this.truncatedTerm);
    if (at < this.truncatedIndex || at > this.last) return undefined;
    for (let i = this.#termRuns.length - 1; i >= 0; i -= 1) {
      const run = this.#termRuns[i];
      if (run !== undefined && run.first <= at) return term(run.term);
    }
    return undefined;
  }

  /** A position that the log holds. */
  position(at: number): Position {
    const positionTerm = this.termAt(at);
    assert(positionTerm !== undefined, "the term of a position that the log holds is known");
    return { index: at, term: positionTerm };
  }

  /** The first segment that still matters for this group once the entries up to `drop` do not. */
  firstNeeded(drop: number): number {
    const first = Math.max(drop, this.truncatedIndex) + 1;
    return first <= this.last ? this.places.sequence(first) : this.newestSequence;
  }

  /** Bytes of the entries above `after`, with their headers; stops counting beyond `bytesMax`. */
  bytesAbove(after: number, bytesMax: number): number {
    let bytes = 0;
    for (let at = Math.max(after, this.truncatedIndex) + 1; at <= this.last && bytes <= bytesMax; at += 1) {
      bytes += this.places.bytes(at);
    }
    return bytes;
  }

  recovered(): RecoveredGroup {
    return {
      group: this.id,
      hardState: this.hardState,
      truncated: { index: index(this.truncatedIndex), term: term(this.truncatedTerm) },
      termRuns: this.#termRuns.map((run) => ({ first: index(run.first), term: term(run.term) })),
      last: index(this.last),
    };
  }
}
