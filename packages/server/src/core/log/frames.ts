import { assert, ByteWriter, LOG_FRAME_BUFFER_BYTES_KEPT, SherdError } from "../base/index.ts";
import { alignFrame, FRAME_ALIGN, FRAME_HEADER_BYTES, FrameKind, SEGMENT_HEADER_BYTES } from "./format.ts";

/** Where the next frame goes. */
export interface Place {
  readonly sequence: number;
  readonly position: number;
  /** Frames are numbered 1.. over all segments. */
  readonly number: number;
}

/** One write: what the passes since the frame before have gathered. Its place is fixed from the beginning. */
export class Frame {
  readonly writer: ByteWriter = new ByteWriter(64 * 1024);
  readonly done: (() => void)[] = [];
  sequence = 0;
  position = 0;
  number = 0;
  kind: FrameKind = FrameKind.records;
  /** Segments before this one are not needed once the frame is durable. */
  firstLive = 0;

  begin(place: Place): void {
    this.writer.reset();
    this.writer.skip(FRAME_HEADER_BYTES);
    this.done.length = 0;
    this.sequence = place.sequence;
    this.position = place.position;
    this.number = place.number;
    this.kind = FrameKind.records;
    this.firstLive = 0;
  }

  get isEmpty(): boolean {
    return this.writer.length === FRAME_HEADER_BYTES;
  }

  /** Offset in the segment where the next byte goes. */
  get offset(): number {
    return this.position + this.writer.length;
  }

  get end(): number {
    return this.position + alignFrame(this.writer.length);
  }
}

/**
 * Lays records out in frames and frames in segments, and hands the frames out one by one in the order of the log.
 *
 * A frame's place is known when its first record goes in, so the index of entries never needs to be corrected; the
 * price is that a frame ends where its segment ends. Each segment keeps room for an `end` frame.
 */
export class FrameQueue {
  /** Of a segment; one found at start may have another size than those made now. */
  readonly #bytesOf: (sequence: number) => number;
  readonly #segmentBytes: number;
  readonly #frameBytesMax: number;
  readonly #closed: Frame[] = [];
  readonly #spare: Frame[] = [];
  #open: Frame;
  /** Stamped into a frame when it is closed: by then it (or a frame before it) holds all that the value rests on. */
  firstLive: number;

  constructor(options: {
    readonly place: Place;
    readonly firstLive: number;
    readonly segmentBytes: number;
    readonly frameBytesMax: number;
    readonly bytesOf: (sequence: number) => number;
  }) {
    assert(options.segmentBytes >= 2 * SEGMENT_HEADER_BYTES, "a segment has room for frames");
    assert(options.segmentBytes % FRAME_ALIGN === 0, "a segment ends where a frame may end");
    assert(options.frameBytesMax % FRAME_ALIGN === 0, "the largest frame is a whole one");
    this.#segmentBytes = options.segmentBytes;
    this.#frameBytesMax = options.frameBytesMax;
    this.#bytesOf = options.bytesOf;
    this.firstLive = options.firstLive;
    this.#open = new Frame();
    this.#open.begin(options.place);
  }

  /** The segment that is being filled; it may not exist yet. */
  get sequence(): number {
    return this.#open.sequence;
  }

  /** Bytes used in the segment that is being filled. */
  get position(): number {
    return this.#open.isEmpty ? this.#open.position : this.#open.end;
  }

  get isEmpty(): boolean {
    return this.#closed.length === 0 && this.#open.isEmpty;
  }

  /** The largest record that fits into a frame of its own. */
  get recordBytesMax(): number {
    return (
      Math.min(this.#frameBytesMax, this.#segmentBytes - SEGMENT_HEADER_BYTES - FRAME_HEADER_BYTES) - FRAME_HEADER_BYTES
    );
  }

  /** The frame to add to, with room for `bytes` more. */
  room(bytes: number): Frame {
    if (bytes > this.recordBytesMax) {
      throw new SherdError("SHERD_LOG_ENTRY_TOO_LARGE", `A record of ${bytes} bytes, limit ${this.recordBytesMax}.`);
    }
    while (this.left < bytes) {
      if (this.#open.isEmpty) this.#nextSegment();
      else this.#close();
    }
    return this.#open;
  }

  /** Bytes that still fit into the open frame. */
  get left(): number {
    const frame = this.#open;
    const untilEnd = this.#bytesOf(frame.sequence) - FRAME_HEADER_BYTES - frame.position;
    return Math.min(this.#frameBytesMax, untilEnd) - frame.writer.length;
  }

  /** `done` is called when all that was gathered so far is durable. */
  whenDurable(done: () => void): void {
    this.#open.done.push(done);
  }

  /** An empty frame behind all that was gathered; `done` when it is durable. */
  seal(done?: () => void): void {
    if (!this.#open.isEmpty) this.#close();
    if (this.left < 0) this.#nextSegment();
    if (done !== undefined) this.#open.done.push(done);
    this.#open.kind = FrameKind.seal;
    this.#close();
  }

  /** The next frame to write: the open one when there is no other. */
  take(): Frame | undefined {
    if (this.#closed.length === 0 && !this.#open.isEmpty) this.#close();
    return this.#closed.shift();
  }

  /** Gives the buffers of a written frame back. One that a burst made large is let go. */
  recycle(frame: Frame): void {
    if (this.#spare.length < 2 && frame.writer.raw.length <= LOG_FRAME_BUFFER_BYTES_KEPT) this.#spare.push(frame);
  }

  #close(): void {
    const frame = this.#open;
    frame.firstLive = this.firstLive;
    this.#closed.push(frame);
    this.#begin({ sequence: frame.sequence, position: frame.end, number: frame.number + 1 });
  }

  #nextSegment(): void {
    const frame = this.#open;
    assert(frame.isEmpty && frame.done.length === 0, "only an empty frame becomes the end of a segment");
    frame.kind = FrameKind.end;
    frame.firstLive = this.firstLive;
    this.#closed.push(frame);
    this.#begin({ sequence: frame.sequence + 1, position: SEGMENT_HEADER_BYTES, number: frame.number + 1 });
  }

  #begin(place: Place): void {
    this.#open = this.#spare.pop() ?? new Frame();
    this.#open.begin(place);
  }
}
