import {
  assert,
  ByteWriter,
  EMPTY_BYTES,
  PEER_FRAME_BYTES_MAX,
  PEER_FRAME_BYTES_TARGET,
  PEER_QUEUE_BYTES_MAX,
} from "../base/index.ts";
import type { Env } from "../env/index.ts";
import { FRAME_MESSAGES, MalformedPeerBytes } from "./codec.ts";

/** u32 length of the body, u32 CRC-32 of the body. */
const FRAME_HEADER_BYTES = 8;
const FRAME_START = FRAME_HEADER_BYTES + 1;
const MESSAGE_HEADER_BYTES = 4;
/** A buffer that a single huge message made grow is not kept. */
const BUFFER_BYTES_KEPT = 2 * PEER_FRAME_BYTES_TARGET;
const BUFFER_BYTES_FIRST = 16 * 1024;

type Checksummer = Pick<Env, "checksum">;

export interface FrameSink {
  /** False: the bytes are lent until `FrameQueue.drained`, and nothing may be written before it. */
  writeFrame(frame: Uint8Array): boolean;
}

/** Starts a frame in `out`; `endFrame` with the result completes it. */
export function beginFrame(out: ByteWriter): number {
  return out.skip(FRAME_HEADER_BYTES);
}

export function endFrame(out: ByteWriter, start: number, env: Checksummer): void {
  const body = out.raw.subarray(start + FRAME_HEADER_BYTES, out.length);
  assert(body.length <= PEER_FRAME_BYTES_MAX, "a frame is within its limit");
  out.patchU32(start, body.length);
  out.patchU32(start + 4, env.checksum(body));
}

/**
 * Messages on their way to one peer. A message is copied once, into the frame that leaves with the next flush; a
 * connection that takes everything at once gives the buffer back, so a link at rest allocates nothing.
 */
export class FrameQueue {
  readonly #env: Checksummer;
  /** The frame being gathered: header and kind, then messages. */
  #open: ByteWriter = emptyFrame();
  /** Complete frames that the connection could not take yet. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Lent to the connection until it has drained. */
  #lent: ByteWriter | undefined;
  #spare: ByteWriter | undefined;

  constructor(env: Checksummer) {
    this.#env = env;
  }

  get bytes(): number {
    return this.#waitingBytes + this.#open.length - FRAME_START;
  }

  /** False: so much waits already that the message was not taken. */
  push(message: Uint8Array, queuedBytesMax: number = PEER_QUEUE_BYTES_MAX): boolean {
    const size = MESSAGE_HEADER_BYTES + message.length;
    assert(size < PEER_FRAME_BYTES_MAX, "a message fits into a frame");
    const waiting = this.bytes;
    if (waiting > 0 && waiting + size > queuedBytesMax) return false;
    if (this.#open.length > FRAME_START && this.#open.length + size > PEER_FRAME_BYTES_TARGET) this.#setAside();
    this.#open.block(message);
    return true;
  }

  /** Writes until nothing is left or the stream can take no more. */
  pump(stream: FrameSink): void {
    while (this.#waiting.length > 0) {
      const frame = this.#waiting.shift() as Uint8Array;
      this.#waitingBytes -= frame.length;
      if (!stream.writeFrame(frame)) return;
    }
    if (this.#open.length === FRAME_START) return;
    endFrame(this.#open, 0, this.#env);
    const taken = stream.writeFrame(this.#open.view());
    if (taken && this.#open.raw.length <= BUFFER_BYTES_KEPT) {
      resetFrame(this.#open);
    } else {
      if (!taken) this.#lent = this.#open;
      this.#open = this.#spare ?? emptyFrame();
      this.#spare = undefined;
    }
  }

  /** The connection is done with what it held. */
  drained(): void {
    const lent = this.#lent;
    this.#lent = undefined;
    if (lent === undefined || lent.raw.length > BUFFER_BYTES_KEPT) return;
    resetFrame(lent);
    this.#spare = lent;
  }

  /** The connection is gone, and with it everything that waited for it. */
  clear(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#lent = undefined;
    if (this.#open.raw.length <= BUFFER_BYTES_KEPT) resetFrame(this.#open);
    else this.#open = emptyFrame();
  }

  #setAside(): void {
    endFrame(this.#open, 0, this.#env);
    const frame = this.#open.view();
    this.#waiting.push(frame);
    this.#waitingBytes += frame.length;
    this.#open = this.#spare ?? emptyFrame();
    this.#spare = undefined;
  }
}

function emptyFrame(): ByteWriter {
  const frame = new ByteWriter(BUFFER_BYTES_FIRST);
  resetFrame(frame);
  return frame;
}

function resetFrame(frame: ByteWriter): void {
  frame.reset();
  frame.skip(FRAME_HEADER_BYTES);
  frame.u8(FRAME_MESSAGES);
}

/**
 * Cuts a byte stream into frame bodies. A frame that lies within one chunk is handed out as a view of it; one that
 * does not is gathered in a buffer that is used again. Bodies are valid during the callback only.
 */
export class FrameReader {
  readonly #env: Checksummer;
  /** Raised when the peer has said who it is. */
  bodyBytesMax: number;
  #held: Uint8Array = EMPTY_BYTES;
  #heldLength = 0;

  constructor(env: Checksummer, bodyBytesMax: number) {
    this.#env = env;
    this.bodyBytesMax = bodyBytesMax;
  }

  /**
   * Throws `MalformedPeerBytes`; the stream is then of no more use. `onBody` returns false to end the reading: the
   * connection was closed.
   */
  push(chunk: Uint8Array, onBody: (body: Uint8Array) => boolean): void {
    let at = 0;
    while (true) {
      if (this.#heldLength > 0) {
        at = this.#fill(chunk, at);
        const frameLength = this.#frameLength(this.#held, 0, this.#heldLength);
        if (frameLength === undefined || this.#heldLength < frameLength) return;
        this.#heldLength = 0;
        if (!onBody(this.#body(this.#held, 0, frameLength))) return;
        if (this.#held.length > BUFFER_BYTES_KEPT) this.#held = EMPTY_BYTES;
      } else {
        if (at === chunk.length) return;
        const frameLength = this.#frameLength(chunk, at, chunk.length);
        if (frameLength === undefined || at + frameLength > chunk.length) {
          this.#hold(chunk, at);
          return;
        }
        if (!onBody(this.#body(chunk, at, at + frameLength))) return;
        at += frameLength;
      }
    }
  }

  /** Length of the frame that begins at `at`, header included, once its length field is there. */
  #frameLength(bytes: Uint8Array, at: number, end: number): number | undefined {
    if (end - at < FRAME_HEADER_BYTES) return undefined;
    const length = readU32(bytes, at);
    if (length === 0 || length > this.bodyBytesMax) {
      throw new MalformedPeerBytes(`a frame of ${length} bytes, allowed are 1 to ${this.bodyBytesMax}`);
    }
    return FRAME_HEADER_BYTES + length;
  }

  #body(bytes: Uint8Array, at: number, end: number): Uint8Array {
    const body = bytes.subarray(at + FRAME_HEADER_BYTES, end);
    if (this.#env.checksum(body) !== readU32(bytes, at + 4))
      throw new MalformedPeerBytes("a frame with a wrong checksum");
    return body;
  }

  #hold(chunk: Uint8Array, at: number): void {
    const rest = chunk.length - at;
    const frameLength = this.#frameLength(chunk, at, chunk.length);
    this.#reserve(frameLength ?? FRAME_HEADER_BYTES);
    this.#held.set(chunk.subarray(at), 0);
    this.#heldLength = rest;
  }

  /** Takes from the chunk what completes the held frame (first its header), and returns where it stopped. */
  #fill(chunk: Uint8Array, from: number): number {
    let at = from;
    if (this.#heldLength < FRAME_HEADER_BYTES) at = this.#take(chunk, at, FRAME_HEADER_BYTES);
    const frameLength = this.#frameLength(this.#held, 0, this.#heldLength);
    return frameLength === undefined ? at : this.#take(chunk, at, frameLength);
  }

  #take(chunk: Uint8Array, at: number, upTo: number): number {
    const count = Math.min(upTo - this.#heldLength, chunk.length - at);
    this.#reserve(upTo);
    this.#held.set(chunk.subarray(at, at + count), this.#heldLength);
    this.#heldLength += count;
    return at + count;
  }

  #reserve(capacity: number): void {
    if (this.#held.length >= capacity) return;
    const grown = new Uint8Array(Math.max(capacity, Math.min(2 * this.#held.length, BUFFER_BYTES_KEPT)));
    grown.set(this.#held.subarray(0, this.#heldLength));
    this.#held = grown;
  }
}

/**
 * Calls `onMessage` with a view of each message of a messages body (its kind included). Throws `MalformedPeerBytes`
 * before the first call when the lengths do not add up: all of a frame or nothing.
 */
export function eachMessage(body: Uint8Array, onMessage: (message: Uint8Array) => boolean): void {
  let at = 1;
  while (at < body.length) {
    if (at + MESSAGE_HEADER_BYTES > body.length) throw new MalformedPeerBytes("a message without its length");
    at += MESSAGE_HEADER_BYTES + readU32(body, at);
  }
  if (at !== body.length) throw new MalformedPeerBytes("a message that is longer than its frame");
  at = 1;
  while (at < body.length) {
    const start = at + MESSAGE_HEADER_BYTES;
    at = start + readU32(body, at);
    if (!onMessage(body.subarray(start, at))) return;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
