import { assert, type GroupId, index, LOG_PRESSURE_REPEAT_MS, mark } from "../base/index.ts";
import type { Entry } from "../raft/index.ts";
import { RECORD_HEADER_BYTES } from "./format.ts";
import type { FrameQueue } from "./frames.ts";
import type { GroupState } from "./group.ts";
import type { EntryReader } from "./reader.ts";
import type { Segments } from "./segments.ts";
import type { LogHandler } from "./types.ts";

/** Writes an image record: the group's entries are `entries` and nothing before them. */
export type WriteImage = (state: GroupState, keepAfter: number, entries: readonly Entry[]) => void;

/** The owner of these groups was asked to flush them. */
interface Asked {
  durable: number;
  untilMs: number;
}

/** How far a group's entries can be dropped: nobody wants them, ... */
const wantedByNone = (state: GroupState): number => Math.min(pinnedByNone(state), state.wanted - 1);
/** ... or others do, but no snapshot needs them to follow it, ... */
const pinnedByNone = (state: GroupState): number => Math.min(state.durable, state.pinned - 1);
/** ... or it would; but the store has them. */
const flushed = (state: GroupState): number => state.durable;

/**
 * Decides which segments are still needed. Entries are dropped by whole segments, oldest first: an entry that nobody
 * needs costs nothing until its segment goes, and may still help a slow replica.
 *
 * What a group needs of old segments depends on how much there is. As long as the log is within its limit: entries that
 * other replicas want. Beyond that only those that follow a snapshot on its way, which have a limit of their own, and
 * beyond that, too, only what the store has not durably flushed. An idle group that has little left is carried: written
 * again as a whole, so that it no longer needs the old segment.
 */
export class Retention {
  readonly #groups: ReadonlyMap<GroupId, GroupState>;
  readonly #frames: FrameQueue;
  readonly #segments: Segments;
  readonly #reader: EntryReader;
  readonly #handler: LogHandler;
  readonly #writeImage: WriteImage;
  readonly #retainedBytesMax: number;
  readonly #pinnedBytesMax: number;
  readonly #carryBytesMax: number;
  readonly #asked = new Map<GroupId, Asked>();
  #carrying = false;
  carries = 0;
  /** A snapshot in vain costs less than a disk without room: that would end the node with all of its groups. */
  roomIsScarce = false;

  constructor(options: {
    readonly groups: ReadonlyMap<GroupId, GroupState>;
    readonly frames: FrameQueue;
    readonly segments: Segments;
    readonly reader: EntryReader;
    readonly handler: LogHandler;
    readonly writeImage: WriteImage;
    readonly retainedBytesMax: number;
    readonly pinnedBytesMax: number;
    readonly carryBytesMax: number;
  }) {
    this.#groups = options.groups;
    this.#frames = options.frames;
    this.#segments = options.segments;
    this.#reader = options.reader;
    this.#handler = options.handler;
    this.#writeImage = options.writeImage;
    this.#retainedBytesMax = options.retainedBytesMax;
    this.#pinnedBytesMax = options.pinnedBytesMax;
    this.#carryBytesMax = options.carryBytesMax;
  }

  get retainedBytes(): number {
    let bytes = this.#frames.position;
    for (let at = this.#frames.firstLive; at < this.#frames.sequence; at += 1) bytes += this.#segments.bytesOf(at);
    return bytes;
  }

  /** Of the log, beyond which pins hold nothing. */
  get #pinnedLimit(): number {
    return this.#retainedBytesMax + (this.roomIsScarce ? 0 : this.#pinnedBytesMax);
  }

  tick(nowMs: number): void {
    // Nothing to gain while one segment is all there is.
    if (this.#frames.firstLive === this.#frames.sequence) return;
    this.#dropBefore(this.#firstNeeded(wantedByNone));
    if (this.retainedBytes <= this.#retainedBytesMax) {
      this.#asked.clear();
      return;
    }
    mark("log: entries given up for want of room");
    this.#shrinkTo(this.#retainedBytesMax, pinnedByNone);
    this.#shrinkTo(this.#pinnedLimit, flushed);
    if (this.retainedBytes > this.#retainedBytesMax) this.#relieve(nowMs);
  }

  /** The first segment that any group needs when each gives up its entries up to `drop`. */
  #firstNeeded(drop: (state: GroupState) => number): number {
    let first = this.#frames.sequence;
    for (const state of this.#groups.values()) first = Math.min(first, state.firstNeeded(drop(state)));
    return first;
  }

  /** Drops segments until the log is that small, if each group gives up its entries up to `drop`. */
  #shrinkTo(bytesMax: number, drop: (state: GroupState) => number): void {
    this.#dropBefore(Math.min(this.#firstWithin(bytesMax), this.#firstNeeded(drop)));
  }

  #firstWithin(bytesMax: number): number {
    let bytes = this.retainedBytes;
    let first = this.#frames.firstLive;
    while (bytes > bytesMax && first < this.#frames.sequence) {
      bytes -= this.#segments.bytesOf(first);
      first += 1;
    }
    return first;
  }

  #dropBefore(sequence: number): void {
    if (sequence <= this.#frames.firstLive) return;
    this.#frames.firstLive = sequence;
    for (const state of this.#groups.values()) {
      const drop = state.places.firstIn(sequence) - 1;
      if (drop <= state.truncatedIndex) continue;
      assert(drop <= state.durable, "only what the store has durably flushed is dropped");
      state.dropThrough(drop);
      this.#handler.onTruncated(state.id, index(drop));
    }
  }

  /** Works on the groups that hold back the oldest segment. */
  #relieve(nowMs: number): void {
    const oldest = this.#frames.firstLive;
    const ask: GroupId[] = [];
    for (const state of this.#groups.values()) {
      if (state.firstNeeded(state.durable) > oldest) continue;
      if ((state.last <= state.durable || this.#hadItsChance(state, nowMs)) && this.#carry(state)) continue;
      if (this.#mayAsk(state, nowMs)) ask.push(state.id);
    }
    if (ask.length > 0) this.#handler.onPressure(ask);
  }

  /** The owner was asked, and what is left is what a flush does not take: it is not applied, or not even committed. */
  #hadItsChance(state: GroupState, nowMs: number): boolean {
    const asked = this.#asked.get(state.id);
    return asked !== undefined && (state.durable > asked.durable || nowMs >= asked.untilMs);
  }

  #mayAsk(state: GroupState, nowMs: number): boolean {
    if (state.last <= state.durable) return false;
    const asked = this.#asked.get(state.id);
    if (asked !== undefined && nowMs < asked.untilMs) return false;
    this.#asked.set(state.id, { durable: state.durable, untilMs: nowMs + LOG_PRESSURE_REPEAT_MS });
    return true;
  }

  /** False: the group is too large to be carried. */
  #carry(state: GroupState): boolean {
    const limit = Math.min(this.#carryBytesMax, this.#frames.recordBytesMax - RECORD_HEADER_BYTES);
    const pinsHold = this.retainedBytes <= this.#pinnedLimit;
    const givenUp = pinsHold ? pinnedByNone(state) : flushed(state);
    let keepAfter = Math.max(state.truncatedIndex, wantedByNone(state));
    if (state.bytesAbove(keepAfter, limit) > limit) keepAfter = Math.max(state.truncatedIndex, givenUp);
    if (state.bytesAbove(keepAfter, limit) > limit) {
      mark("log: group too large to be carried");
      return false;
    }
    if (keepAfter >= state.last) {
      this.#write(state, state.last, []);
    } else if (!this.#carrying && this.#reader.isReadable(state, state.last)) {
      this.#carrying = true;
      this.#reader.readAll(state, keepAfter + 1, (entries) => {
        this.#carrying = false;
        // An image must hold all there is: a record that came meanwhile would be erased by one that does not know it.
        // Whatever replaces entries moves the last one, which the reader notices. The next tick tries again.
        const current = this.#groups.get(state.id) === state && state.truncatedIndex <= keepAfter;
        if (current && entries.length === state.last - keepAfter) this.#write(state, keepAfter, entries);
        else mark("log: carry overtaken by a write");
      });
    }
    return true;
  }

  #write(state: GroupState, keepAfter: number, entries: readonly Entry[]): void {
    const truncated = state.truncatedIndex;
    mark(entries.length === 0 ? "log: carried without entries" : "log: carried with entries");
    this.#writeImage(state, keepAfter, entries);
    this.carries += 1;
    this.#asked.delete(state.id);
    if (keepAfter > truncated) this.#handler.onTruncated(state.id, index(keepAfter));
  }
}
