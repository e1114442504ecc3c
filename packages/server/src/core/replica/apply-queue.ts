import { assert, type Index, mark, SherdError, type Term } from "../base/index.ts";
import type { StateMachine } from "../machine/index.ts";
import { type Entry, EntryKind } from "../raft/index.ts";
import type { FetchUrgency, Pins, RowNeed, Space } from "../store/index.ts";

/**
 * Rows of one entry: on their way, then pinned until it is applied. What was resident when they were asked for was not
 * pinned and may be evicted meanwhile; it is asked for again, and the pins gather: if the first ones were let go, two
 * rows that do not fit into the cache together would evict each other for ever.
 */
interface Prefetch {
  readonly pins: Pins[];
  /** Fetches that were made because the entry's turn has come; those made ahead may wait for longer. */
  waiting: number;
  /** The entry is applied, or never will be. */
  over: boolean;
}

/** All rows of an entry were in memory when it was appended. */
interface Resident {
  readonly term: Term;
  /** Of the space, then. */
  readonly losses: number;
}

/**
 * Committed entries in order, each handed on when all its rows are in memory. Rows are asked for as soon as an entry is
 * *appended*, so that reading them overlaps with its replication.
 */
export class ApplyQueue {
  readonly #space: Space;
  readonly #machine: StateMachine;
  readonly #ready: () => void;
  readonly #prefetches: Map<Index, Prefetch> = new Map();
  readonly #residents: Map<Index, Resident> = new Map();
  #entries: Entry[] = [];
  #head = 0;

  /** `ready` is called when rows arrived that `next` had been waiting for. */
  constructor(space: Space, machine: StateMachine, ready: () => void) {
    this.#space = space;
    this.#machine = machine;
    this.#ready = ready;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** An entry has been appended here; it may still be replaced by another at its index. */
  prefetch(entry: Entry): void {
    if (entry.kind !== EntryKind.normal || entry.data.length === 0) return;
    try {
      const missing = this.#machine.missing(entry);
      if (missing.length > 0) this.#fetch(entry.index, missing, "ahead");
      else if (this.#machine.missingNothingLasts) {
        this.#residents.set(entry.index, { term: entry.term, losses: this.#space.losses });
      }
    } catch (error) {
      // Unreadable, but perhaps never committed. If it is, `next` says so and the replica stops.
      if (!(error instanceof SherdError)) throw error;
    }
  }

  push(entries: readonly Entry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The next entry that can be applied now; it must be, before anything else happens. */
  next(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    const prefetch = this.#prefetches.get(entry.index);
    if (prefetch !== undefined && prefetch.waiting > 0) {
      mark("replica: entry waits for its rows");
      return undefined;
    }
    if (this.#allResident(entry)) {
      this.#machine.nothingMissing(entry);
    } else if (entry.kind === EntryKind.normal && entry.data.length > 0) {
      // Looked up again although prefetched: another entry may have stood at this index when its rows were asked for, and
      // they may be gone again, or not be there yet.
      const missing = this.#machine.missing(entry);
      if (missing.length > 0) {
        if (prefetch !== undefined && prefetch.pins.length > 0) mark("replica: entry's rows were evicted again");
        this.#fetch(entry.index, missing, "now");
        return undefined;
      }
    }
    this.#advance();
    return entry;
  }

  /** What saves most entries from being decoded and looked up once more. */
  #allResident({ index, term }: Entry): boolean {
    const resident = this.#residents.get(index);
    return resident !== undefined && resident.term === term && resident.losses === this.#space.losses;
  }

  /** Call after the entry that `next` gave has been applied. */
  applied(index: Index): void {
    this.#residents.delete(index);
    const prefetch = this.#prefetches.get(index);
    if (prefetch === undefined) return;
    assert(prefetch.waiting === 0, "rows are resident when their entry is applied");
    this.#release(prefetch);
    this.#prefetches.delete(index);
  }

  /** The queue's space is replaced or the replica stops: nothing more is applied from it. */
  close(): void {
    for (const prefetch of this.#prefetches.values()) this.#release(prefetch);
    this.#prefetches.clear();
    this.#residents.clear();
    this.#entries = [];
    this.#head = 0;
  }

  #release(prefetch: Prefetch): void {
    prefetch.over = true;
    for (const pins of prefetch.pins) pins.release();
  }

  #advance(): void {
    this.#head += 1;
    if (this.#head === this.#entries.length) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #fetch(index: Index, missing: readonly RowNeed[], urgency: FetchUrgency): void {
    const prefetch = this.#prefetches.get(index) ?? { pins: [], waiting: 0, over: false };
    this.#prefetches.set(index, prefetch);
    if (urgency === "now") prefetch.waiting += 1;
    const arrived = (pins: Pins): void => {
      if (urgency === "now") prefetch.waiting -= 1;
      if (prefetch.over) return pins.release();
      prefetch.pins.push(pins);
      if (prefetch.waiting === 0 && this.#entries[this.#head]?.index === index) this.#ready();
    };
    this.#space.fetch(missing, arrived, urgency);
  }
}
