import {
  index,
  LOG_READ_GAP_BYTES,
  LOG_READ_SPAN_BYTES,
  LOG_READ_SPANS_MAX,
  mark,
  SherdError,
  type Term,
} from "../base/index.ts";
import type { Disk, Env } from "../env/index.ts";
import type { Entry } from "../raft/index.ts";
import { readEntry } from "./format.ts";
import type { GroupState } from "./group.ts";
import type { Segment, Segments } from "./segments.ts";

/** Entries of a group that lie close together: one disk read. */
interface Span {
  readonly sequence: number;
  readonly offset: number;
  bytes: number;
  readonly first: number;
  last: number;
}

interface Reading {
  readonly state: GroupState;
  readonly spans: Span[];
  readonly entries: Entry[];
  readonly done: (entries: Entry[]) => void;
}

interface Waiting {
  readonly state: GroupState;
  readonly from: number;
  readonly to: number;
  readonly bytesMax: number;
  readonly done: (entries: Entry[]) => void;
}

/** Reads entries back from segments. */
export class EntryReader {
  readonly #env: Env;
  readonly #disk: Disk;
  readonly #segments: Segments;
  readonly #isCurrent: (state: GroupState) => boolean;
  /** Everything before this place is durable and can be read. */
  #durableSequence = 0;
  #durableOffset = 0;
  #waiting: Waiting[] = [];
  #empty: ((entries: Entry[]) => void)[] = [];

  /** `isCurrent`: the state still stands for its group, which may have been removed and added again. */
  constructor(env: Env, disk: Disk, segments: Segments, isCurrent: (state: GroupState) => boolean) {
    this.#env = env;
    this.#disk = disk;
    this.#segments = segments;
    this.#isCurrent = isCurrent;
  }

  /** All that is written up to here can be read; starts the reads that waited for it. */
  advance(sequence: number, offset: number): void {
    this.#durableSequence = sequence;
    this.#durableOffset = offset;
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const read of waiting) this.read(read.state, read.from, read.to, read.bytesMax, read.done);
  }

  /** Answers the reads that found nothing: not inside the call that asked. */
  tick(): void {
    const empty = this.#empty;
    if (empty.length === 0) return;
    this.#empty = [];
    for (const done of empty) done([]);
  }

  /** Entries [from, to), fewer when limits say so, none when they are not (or not any more) in the log. */
  read(
    state: GroupState | undefined,
    from: number,
    to: number,
    bytesMax: number,
    done: (entries: Entry[]) => void,
  ): void {
    if (state === undefined || !this.#holds(state, from) || from >= to) {
      this.#empty.push(done);
      return;
    }
    const spans = this.#plan(state, from, Math.min(to, state.last + 1), bytesMax, LOG_READ_SPANS_MAX);
    if (spans.length > 0) return this.#next({ state, spans, entries: [], done });
    mark("log: read waits for its write");
    this.#waiting.push({ state, from, to, bytesMax, done });
  }

  /** All entries from `from` on, without limits; the caller knows that they are readable and few enough. */
  readAll(state: GroupState, from: number, done: (entries: Entry[]) => void): void {
    const spans = this.#plan(state, from, state.last + 1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    this.#next({ state, spans, entries: [], done });
  }

  /** Synchronously, without limits: start-up only. */
  readNow(state: GroupState, from: number, to: number): Entry[] {
    const entries: Entry[] = [];
    for (const span of this.#plan(state, from, to, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)) {
      const bytes = new Uint8Array(span.bytes);
      const segment = this.#segment(span.sequence);
      const length = this.#disk.readInto(segment.path, span.offset, bytes);
      if (!this.#decode(state, span, bytes.subarray(0, length), entries)) throw damaged(segment, span.offset);
    }
    return entries;
  }

  /** True when the entry at `at` is durable, so that it can be read without waiting. */
  isReadable(state: GroupState, at: number): boolean {
    const sequence = state.places.sequence(at);
    return (
      sequence < this.#durableSequence ||
      (sequence === this.#durableSequence && state.places.offset(at) < this.#durableOffset)
    );
  }

  #holds(state: GroupState, at: number): boolean {
    return this.#isCurrent(state) && at > state.truncatedIndex && at <= state.last;
  }

  #plan(state: GroupState, from: number, to: number, bytesMax: number, spansMax: number): Span[] {
    const spans: Span[] = [];
    let span: Span | undefined;
    let total = 0;
    for (let at = from; at < to && this.isReadable(state, at); at += 1) {
      const sequence = state.places.sequence(at);
      const offset = state.places.offset(at);
      const bytes = state.places.bytes(at);
      if (total > 0 && total + bytes > bytesMax) break;
      total += bytes;
      const near =
        span !== undefined &&
        span.sequence === sequence &&
        offset - (span.offset + span.bytes) <= LOG_READ_GAP_BYTES &&
        offset + bytes - span.offset <= LOG_READ_SPAN_BYTES;
      if (span !== undefined && near) {
        span.bytes = offset + bytes - span.offset;
        span.last = at;
      } else {
        if (spans.length === spansMax) break;
        span = { sequence, offset, bytes, first: at, last: at };
        spans.push(span);
      }
    }
    return spans;
  }

  /** One span after the other: a large read must not fill the pool's queue in front of the log's write. */
  #next(reading: Reading): void {
    const span = reading.spans.shift();
    if (span === undefined) {
      reading.done(reading.entries);
      return;
    }
    const segment = this.#segment(span.sequence);
    segment.file.read(span.offset, span.bytes, (bytes) => {
      // What was dropped, replaced or removed meanwhile may lie in a segment that already has another use.
      if (!this.#unmoved(reading.state, span)) {
        mark("log: read of entries that moved");
        reading.done([]);
      } else if (!this.#decode(reading.state, span, bytes, reading.entries))
        this.#env.fatal(damaged(segment, span.offset));
      else this.#next(reading);
    });
  }

  #unmoved(state: GroupState, span: Span): boolean {
    return (
      this.#holds(state, span.first) &&
      this.#holds(state, span.last) &&
      state.places.sequence(span.first) === span.sequence &&
      state.places.offset(span.first) === span.offset &&
      state.places.sequence(span.last) === span.sequence &&
      state.places.offset(span.last) + state.places.bytes(span.last) === span.offset + span.bytes
    );
  }

  #decode(state: GroupState, span: Span, bytes: Uint8Array, into: Entry[]): boolean {
    for (let at = span.first; at <= span.last; at += 1) {
      const expected = { index: index(at), term: state.termAt(at) as Term };
      const entry = readEntry(bytes, state.places.offset(at) - span.offset, expected, this.#env);
      if (entry === undefined) return false;
      into.push(entry);
    }
    return true;
  }

  #segment(sequence: number): Segment {
    const segment = this.#segments.get(sequence);
    if (segment === undefined)
      throw new SherdError("SHERD_LOG_DAMAGED", `Segment ${sequence} of the log is not there.`);
    return segment;
  }
}

function damaged(segment: Segment, offset: number): SherdError {
  return new SherdError(
    "SHERD_LOG_DAMAGED",
    `${segment.path} at offset ${offset}: an entry that was written there cannot be read back.`,
  );
}
