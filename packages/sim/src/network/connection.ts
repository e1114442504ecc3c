import { assert, crc32 } from "sherd/core/base";
import type { CloseReason, Connection, ConnectionHandler } from "sherd/core/env";
import type { Random, World } from "../world/index.ts";
import type { Host } from "./host.ts";
import type { Way } from "./way.ts";

/** What a connection takes in before the other end has read it. */
const BUFFER_BYTES = 256 * 1024;
const WHOLE_PROBABILITY = 0.8;

/** On its way to the other end: bytes, or the end of the stream. */
type Parcel = { readonly bytes: Uint8Array } | { readonly end: CloseReason };

/**
 * One end of a stream between two processes: in order, cut into pieces anywhere, whole unless the connection ends, and
 * then cut anywhere.
 */
export class SimConnection implements Connection {
  readonly remote: string;
  readonly host: Host;
  handler: ConnectionHandler | undefined;
  other: SimConnection | undefined;
  /** The handler hears nothing more. */
  closed = false;
  readonly #world: World;
  readonly #random: Random;
  /** To the other end. */
  readonly way: Way;
  /** In order; the first of them arrives next. */
  readonly #parcels: Parcel[] = [];
  #underWayBytes = 0;
  #full = false;
  /** Nothing gets out or in any more. */
  #broken = false;
  /** Nothing is taken in any more: the end of the stream is under way, or has arrived. */
  #finished = false;

  constructor(world: World, random: Random, host: Host, way: Way, remote: string) {
    this.#world = world;
    this.#random = random;
    this.host = host;
    this.way = way;
    this.remote = remote;
    host.connections.add(this);
  }

  // --- for the process

  write(bytes: Uint8Array): boolean {
    assert(this.other !== undefined, "a connection is written to when it is open");
    assert(!this.#full && !this.closed, "nothing is written before the drain, nor after the end");
    if (this.#broken) return true;
    this.#underWayBytes += bytes.length;
    this.#full = this.#underWayBytes > BUFFER_BYTES;
    // Bytes that belong to the connection are taken as they are: whoever changes them is found out by a checksum.
    this.#send({ bytes: this.#full ? bytes : bytes.slice() });
    return !this.#full;
  }

  close(): void {
    if (this.closed) return;
    this.#leave();
    if (this.other === undefined) return;
    this.#finish();
  }

  // --- for the network

  /** The process is gone, or a router has forgotten the connection: what is under way arrives in part, then the end. */
  cut(): void {
    this.#leave();
    this.#truncate();
    if (this.other !== undefined) this.#finish();
  }

  /** The same, while the process lives: it hears of it when it runs, and until then what it writes is lost. */
  break(): void {
    if (this.closed || this.#broken) return;
    this.#broken = true;
    this.#truncate();
    if (this.other !== undefined) this.#finish();
    this.end("ended");
  }

  /** The host is gone without a word: what is under way may arrive, the end never. */
  fallSilent(): void {
    this.#leave();
    this.#truncate();
    this.#finished = true;
  }

  /** The host is back and knows nothing of the connection. */
  reset(): void {
    this.way.carry(0, () => this.other?.end("ended"));
  }

  end(reason: CloseReason): void {
    if (this.closed) return;
    this.host.run(() => {
      if (this.closed) return;
      this.#leave();
      this.handler?.onClose(reason);
    });
  }

  #leave(): void {
    this.closed = true;
    this.host.connections.delete(this);
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#send({ end: "ended" });
  }

  /** Everything behind some byte of what is under way is lost. */
  #truncate(): void {
    const kept = this.#random.below(this.#parcels.length + 1);
    const last = this.#parcels[kept];
    this.#parcels.length = kept;
    if (last === undefined || "end" in last) return;
    this.#parcels.push({ bytes: last.bytes.slice(0, this.#random.below(last.bytes.length + 1)) });
  }

  /** Each parcel arrives by itself, and whichever arrives is the next in order. */
  #send(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.way.carry("bytes" in parcel ? parcel.bytes.length : 0, () => {
      const first = this.#parcels.shift();
      if (first !== undefined) this.#arrive(first);
    });
  }

  #arrive(parcel: Parcel): void {
    const other = this.other as SimConnection;
    if ("end" in parcel) return other.end(parcel.end);
    const { bytes } = parcel;
    this.#world.trace.mix(crc32(bytes));
    const at = this.#random.chance(WHOLE_PROBABILITY) ? bytes.length : this.#random.below(bytes.length + 1);
    for (const piece of [bytes.slice(0, at), bytes.slice(at)]) if (piece.length > 0) other.#receive(piece);
  }

  #receive(piece: Uint8Array): void {
    if (this.closed || this.#broken) return;
    this.host.run(() => {
      if (this.closed) return;
      (this.other as SimConnection).#taken(piece.length);
      this.handler?.onData(piece);
      // Valid during the call only: whoever kept a view of it has a view of rubbish.
      piece.fill(0xdd);
    });
  }

  /** The other end has read so much. */
  #taken(bytes: number): void {
    this.#underWayBytes -= bytes;
    if (!this.#full || this.#underWayBytes > 0) return;
    this.way.carry(0, () => {
      if (!this.#full || this.closed) return;
      this.#full = false;
      this.host.run(() => {
        if (!this.closed) this.handler?.onDrain();
      });
    });
  }
}
