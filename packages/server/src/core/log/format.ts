import {
  ByteReader,
  type ByteWriter,
  crc32,
  EMPTY_BYTES,
  type GroupId,
  index,
  ShortInput,
  term,
} from "../base/index.ts";
import type { Entry, EntryKind, HardState } from "../raft/index.ts";

/**
 * The bytes of the log. docs/formats/log.md describes them and golden files hold them still: a change of anything here
 * needs a new LOG_FORMAT_VERSION and a reader for the old one.
 */
export const LOG_FORMAT_VERSION = 1;

/** The segment header has a page of its own, so that writing it never rewrites a page that holds frames. */
export const SEGMENT_HEADER_BYTES = 4096;
const SEGMENT_FIELDS_BYTES = 64;
const SEGMENT_CRC_AT = 60;
/** "sherdlog" */
const SEGMENT_MAGIC: Uint8Array = new Uint8Array([0x73, 0x68, 0x65, 0x72, 0x64, 0x6c, 0x6f, 0x67]);

export const FRAME_HEADER_BYTES = 32;
/** Frames begin at multiples of this, which makes the search for a whole frame behind a bad one cheap. */
export const FRAME_ALIGN = 8;
const FRAME_LENGTH_AT = 4;
const FRAME_EPOCH_AT = 8;
const FRAME_NUMBER_AT = 16;
const FRAME_KIND_AT = 24;
const FRAME_FIRST_LIVE_AT = 28;

export const RECORD_HEADER_BYTES = 49;
export const REMOVE_RECORD_BYTES = 5;
export const ENTRY_HEADER_BYTES = 25;

/** Numbers are on disk: never change or reuse one. */
export const FrameKind = {
  records: 0,
  /** No records: shows that everything before it was written, so that a rotted last frame is told from a torn one. */
  seal: 1,
  /** No records: the log goes on in the next segment, which exists. */
  end: 2,
} as const;
export type FrameKind = (typeof FrameKind)[keyof typeof FrameKind];

/** Numbers are on disk: never change or reuse one. */
export const RecordKind = {
  /** Entries behind `previous`; whatever the group had behind it is replaced. */
  append: 1,
  /** The group as a whole: whatever earlier records said of it is void. Resets and carried groups. */
  image: 2,
  /** The group is gone. */
  remove: 3,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** `Env` satisfies it. */
export interface Checksum {
  checksum(bytes: Uint8Array, seed?: number): number;
}

export const alignFrame = (bytes: number): number => Math.ceil(bytes / FRAME_ALIGN) * FRAME_ALIGN;
export const entryBytes = (entry: Entry): number => ENTRY_HEADER_BYTES + entry.data.length;

// --- segment header

export interface SegmentHeader {
  /** Counts the uses of segments, 1.. without gaps: the order of the log. */
  readonly sequence: number;
  /** 64 random bits drawn for this use of the file, never 0. Nothing that lacks them is a frame of this segment. */
  readonly epochLow: number;
  readonly epochHigh: number;
  readonly bytes: number;
  /** Segments before this one were not needed any more when the header was written. */
  readonly firstLive: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_FIELDS_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(SEGMENT_MAGIC);
  view.setUint32(8, LOG_FORMAT_VERSION, true);
  view.setUint32(12, header.sequence, true);
  view.setUint32(16, header.epochLow, true);
  view.setUint32(20, header.epochHigh, true);
  view.setUint32(24, header.bytes, true);
  view.setUint32(28, header.firstLive, true);
  view.setUint32(SEGMENT_CRC_AT, crc32(bytes.subarray(0, SEGMENT_CRC_AT)), true);
  return bytes;
}

/** "blank": made but never used. "damaged": neither that nor a header. A number: the version of another format. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | "blank" | "damaged" | number {
  const fields = bytes.subarray(0, SEGMENT_FIELDS_BYTES);
  if (fields.every((byte) => byte === 0)) return "blank";
  if (fields.length < SEGMENT_FIELDS_BYTES || SEGMENT_MAGIC.some((byte, i) => fields[i] !== byte)) return "damaged";
  const view = new DataView(fields.buffer, fields.byteOffset, fields.byteLength);
  if (view.getUint32(SEGMENT_CRC_AT, true) !== crc32(fields.subarray(0, SEGMENT_CRC_AT))) return "damaged";
  const version = view.getUint32(8, true);
  if (version !== LOG_FORMAT_VERSION) return version;
  return {
    sequence: view.getUint32(12, true),
    epochLow: view.getUint32(16, true),
    epochHigh: view.getUint32(20, true),
    bytes: view.getUint32(24, true),
    firstLive: view.getUint32(28, true),
  };
}

// --- frames

/** Fills in the header that `writer` left room for at its beginning, pads, and returns the frame's bytes. */
export function finishFrame(
  writer: ByteWriter,
  segment: { readonly epochLow: number; readonly epochHigh: number },
  frame: { readonly number: number; readonly kind: FrameKind; readonly firstLive: number },
  env: Checksum,
): Uint8Array {
  const length = writer.length;
  writer.patchU32(FRAME_LENGTH_AT, length - FRAME_HEADER_BYTES);
  writer.patchU32(FRAME_EPOCH_AT, segment.epochLow);
  writer.patchU32(FRAME_EPOCH_AT + 4, segment.epochHigh);
  writer.patchU32(FRAME_NUMBER_AT, frame.number % 2 ** 32);
  writer.patchU32(FRAME_NUMBER_AT + 4, Math.floor(frame.number / 2 ** 32));
  writer.patchU32(FRAME_KIND_AT, frame.kind);
  writer.patchU32(FRAME_FIRST_LIVE_AT, frame.firstLive);
  writer.patchU32(0, env.checksum(writer.view().subarray(FRAME_LENGTH_AT, length)));
  const padding = alignFrame(length) - length;
  const at = writer.skip(padding);
  writer.raw.fill(0, at, at + padding);
  return writer.view();
}

/** Finds and reads the frames of one segment that is in memory as a whole. */
export class FrameReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #segment: SegmentHeader;
  readonly #env: Checksum;

  constructor(bytes: Uint8Array, segment: SegmentHeader, env: Checksum) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#segment = segment;
    this.#env = env;
  }

  /** A frame of this use of the segment was begun here, whole or not. */
  begun(at: number): boolean {
    if (at + FRAME_HEADER_BYTES > this.bytes.length) return false;
    return (
      this.#view.getUint32(at + FRAME_EPOCH_AT, true) === this.#segment.epochLow &&
      this.#view.getUint32(at + FRAME_EPOCH_AT + 4, true) === this.#segment.epochHigh
    );
  }

  /** A whole frame with a right checksum is here. */
  sound(at: number): boolean {
    if (!this.begun(at)) return false;
    const end = at + FRAME_HEADER_BYTES + this.bodyLength(at);
    if (end > this.bytes.length) return false;
    return this.#view.getUint32(at, true) === this.#env.checksum(this.bytes.subarray(at + FRAME_LENGTH_AT, end));
  }

  /** Where the first sound frame at or behind `from` begins. */
  find(from: number): number | undefined {
    for (let at = alignFrame(from); at + FRAME_HEADER_BYTES <= this.bytes.length; at += FRAME_ALIGN) {
      if (this.sound(at)) return at;
    }
    return undefined;
  }

  bodyLength(at: number): number {
    return this.#view.getUint32(at + FRAME_LENGTH_AT, true);
  }

  /** Where the next frame begins. */
  next(at: number): number {
    return at + alignFrame(FRAME_HEADER_BYTES + this.bodyLength(at));
  }

  number(at: number): number {
    return (
      this.#view.getUint32(at + FRAME_NUMBER_AT + 4, true) * 2 ** 32 + this.#view.getUint32(at + FRAME_NUMBER_AT, true)
    );
  }

  kind(at: number): number {
    return this.#view.getUint32(at + FRAME_KIND_AT, true);
  }

  firstLive(at: number): number {
    return this.#view.getUint32(at + FRAME_FIRST_LIVE_AT, true);
  }

  records(at: number): RecordReader {
    const body = at + FRAME_HEADER_BYTES;
    return new RecordReader(this.bytes.subarray(0, body + this.bodyLength(at)), body);
  }
}

// --- records

/** Where a group's entries begin: behind this position. */
export interface Position {
  readonly index: number;
  readonly term: number;
}

/** What append and image records begin with; `count` entries follow. */
export function writeRecordHeader(
  writer: ByteWriter,
  kind: RecordKind,
  group: GroupId,
  hardState: HardState,
  previous: Position,
  count: number,
): void {
  writer.u8(kind);
  writer.u32(group);
  writer.u64(hardState.term);
  writer.u64(hardState.vote);
  writer.u64(hardState.commit);
  writer.u64(previous.index);
  writer.u64(previous.term);
  writer.u32(count);
}

export function writeRemove(writer: ByteWriter, group: GroupId): void {
  writer.u8(RecordKind.remove);
  writer.u32(group);
}

/** Entries have a checksum of their own beside the frame's: later they are read back alone. */
export function writeEntry(writer: ByteWriter, entry: Entry, env: Checksum): void {
  writer.u32(env.checksum(entry.data));
  writer.u32(entry.data.length);
  writer.u64(entry.index);
  writer.u64(entry.term);
  writer.u8(entry.kind);
  writer.bytes(entry.data);
}

/** The entry that lies at `at`, or undefined when these bytes are not that entry, whole and sound. */
export function readEntry(
  bytes: Uint8Array,
  at: number,
  expected: { readonly index: number; readonly term: number },
  env: Checksum,
): Entry | undefined {
  try {
    const reader = new ByteReader(bytes, at);
    const checksum = reader.u32();
    const length = reader.u32();
    if (reader.u64() !== expected.index || reader.u64() !== expected.term) return undefined;
    const kind = reader.u8() as EntryKind;
    const data = reader.take(length);
    if (env.checksum(data) !== checksum) return undefined;
    // A copy, or one small entry would keep the whole read alive.
    return {
      index: index(expected.index),
      term: term(expected.term),
      kind,
      data: length === 0 ? EMPTY_BYTES : data.slice(),
    };
  } catch (error) {
    if (error instanceof ShortInput) return undefined;
    throw error;
  }
}

/**
 * Steps through the records of one frame and their entries, without an object for each: recovery reads millions.
 * Throws `ShortInput` when a record passes the end of its frame.
 */
export class RecordReader {
  readonly #reader: ByteReader;
  kind = 0;
  group = 0;
  term = 0;
  vote = 0;
  commit = 0;
  previousIndex = 0;
  previousTerm = 0;
  /** Entries of this record that `nextEntry` has not yet read. */
  entriesLeft = 0;
  entryIndex = 0;
  entryTerm = 0;
  /** Where the entry's header begins in the segment. */
  entryAt = 0;
  /** Of header and data. */
  entryBytes = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.#reader = new ByteReader(bytes, at);
  }

  get at(): number {
    return this.#reader.at;
  }

  /** To be called when all entries of the record before were read. False at the end of the frame. */
  next(): boolean {
    const reader = this.#reader;
    if (reader.remaining === 0) return false;
    this.kind = reader.u8();
    this.group = reader.u32();
    this.entriesLeft = 0;
    if (this.kind === RecordKind.remove) return true;
    this.term = reader.u64();
    this.vote = reader.u64();
    this.commit = reader.u64();
    this.previousIndex = reader.u64();
    this.previousTerm = reader.u64();
    this.entriesLeft = reader.u32();
    return true;
  }

  nextEntry(): boolean {
    if (this.entriesLeft === 0) return false;
    const reader = this.#reader;
    this.entryAt = reader.at;
    reader.u32();
    const length = reader.u32();
    this.entryIndex = reader.u64();
    this.entryTerm = reader.u64();
    reader.u8();
    // Not `take`: a view for each of millions of entries would be made for nothing.
    if (length > reader.remaining) throw new ShortInput(`an entry of ${length} bytes, ${reader.remaining} left`);
    reader.at += length;
    this.entryBytes = ENTRY_HEADER_BYTES + length;
    this.entriesLeft -= 1;
    return true;
  }
}
