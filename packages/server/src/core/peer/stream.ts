import {
  assert,
  ByteWriter,
  type ErrorCode,
  type NodeId,
  PEER_DIAL_MS,
  PEER_FRAME_BYTES_MAX,
  PEER_HANDSHAKE_MS,
  PEER_HELLO_BYTES_MAX,
  PEER_SILENCE_MS,
} from "../base/index.ts";
import type { CloseReason, Connection, ConnectionHandler, Env } from "../env/index.ts";
import type { NodeInfo } from "../meta/index.ts";
import {
  FRAME_GOSSIP,
  FRAME_HELLO,
  FRAME_MESSAGES,
  FRAME_PING,
  FRAME_PONG,
  FRAME_REFUSE,
  type Hello,
  MalformedPeerBytes,
  PEER_PROTOCOL_VERSION,
  PING_BODY,
  PONG_BODY,
  PREAMBLE_BYTES,
  type Refusal,
  readGossip,
  readHello,
  readPreamble,
  readRefusal,
  writeHello,
  writeNodes,
  writePreamble,
  writeRefusal,
} from "./codec.ts";
import { beginFrame, eachMessage, endFrame, FrameReader } from "./frames.ts";

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

export interface DialTarget extends PeerAddress {
  readonly expected: NodeId | undefined;
}

/** Who hears what a stream brings. None is called after `close`. */
export interface StreamOwner {
  /** A dialed stream was connected: say hello. */
  onOpen(stream: PeerStream): void;
  /** Once per stream. The owner answers `accept`, or refuses and closes. */
  onHello(stream: PeerStream, hello: Hello): void;
  onRefusal(stream: PeerStream, refusal: Refusal): void;
  onGossip(stream: PeerStream, nodes: readonly NodeInfo[]): void;
  onMessage(stream: PeerStream, message: Uint8Array): void;
  onDrain(stream: PeerStream): void;
  /** It ended by itself: the other side closed it, or it could not be made. */
  onEnd(stream: PeerStream, reason: CloseReason): void;
  /** What came is not this protocol, or not this version of it. The stream is closed already. */
  onBroken(stream: PeerStream, code: ErrorCode, detail: string): void;
}

/**
 * One byte stream with a peer, in the protocol of docs/formats/peer.md: preamble, hello both ways, then frames.
 * Both sides send messages; the side that dialed sends gossip and pings; the other answers the pings.
 *
 * Whatever bytes arrive, the worst that happens is `onBroken`.
 */
export class PeerStream implements ConnectionHandler {
  /** Of a dialed stream: where to, and whom it should reach there; undefined for a seed. */
  readonly target: DialTarget | undefined;
  /** Who the other side is, once it was let in. */
  peer: NodeInfo | undefined;
  /** In the owner's time: when it was made, and from then on when it was connected. */
  bornMs: number;
  /** The connection holds what was written: nothing may be written now. */
  blocked = false;
  closed = false;
  /** Version of the book up to which the peer was told. */
  toldVersion = 0;

  readonly #env: Env;
  readonly #owner: StreamOwner;
  readonly #reader: FrameReader;
  #connection: Connection | undefined;
  /** The preamble as it comes in. */
  readonly #preamble = new Uint8Array(PREAMBLE_BYTES);
  #preambleLength = 0;
  #preambleSent = false;
  #helloSeen = false;
  /** Dialed and not yet connected. */
  #connecting: boolean;
  #heardMs: number;
  /** Something was heard since the last tick. */
  #heard = false;
  readonly #onBody = (body: Uint8Array): boolean => this.#frame(body);
  readonly #onMessage = (message: Uint8Array): boolean => {
    this.#owner.onMessage(this, message);
    return !this.closed;
  };

  constructor(env: Env, owner: StreamOwner, nowMs: number, target: DialTarget | undefined) {
    this.#env = env;
    this.#owner = owner;
    this.target = target;
    this.#connecting = target !== undefined;
    this.bornMs = nowMs;
    this.#heardMs = nowMs;
    this.#reader = new FrameReader(env, PEER_HELLO_BYTES_MAX);
  }

  /** A dialed stream gets its connection right after it was made, an accepted one before it hears anything. */
  attach(connection: Connection): void {
    this.#connection = connection;
  }

  get #dialed(): boolean {
    return this.target !== undefined;
  }

  get remote(): string {
    return (this.#connection as Connection).remote;
  }

  /** The other side was let in as `peer`. Frames of full size may come. */
  accept(peer: NodeInfo): void {
    this.peer = peer;
    this.#reader.bodyBytesMax = PEER_FRAME_BYTES_MAX;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#connection?.close();
  }

  /** Called every tick: whether this stream has had its time. */
  overdue(nowMs: number): "late" | "silent" | undefined {
    if (this.#heard) this.#heardMs = nowMs;
    this.#heard = false;
    if (this.peer !== undefined) return nowMs - this.#heardMs > PEER_SILENCE_MS ? "silent" : undefined;
    return nowMs - this.bornMs > (this.#connecting ? PEER_DIAL_MS : PEER_HANDSHAKE_MS) ? "late" : undefined;
  }

  // --- writing

  /** A complete frame of the caller's. Returns as `Connection.write`. */
  writeFrame(frame: Uint8Array): boolean {
    assert(!this.blocked && !this.closed, "a stream is written to only while it can take more");
    const taken = (this.#connection as Connection).write(frame);
    this.blocked = !taken;
    return taken;
  }

  sendHello(hello: Hello): void {
    this.#send((out) => writeHello(out, hello));
  }

  sendRefusal(refusal: Refusal): void {
    this.#send((out) => writeRefusal(out, refusal));
  }

  sendGossip(nodes: readonly NodeInfo[]): void {
    this.#send((out) => {
      out.u8(FRAME_GOSSIP);
      writeNodes(out, nodes);
    });
  }

  sendPing(): void {
    this.#send((out) => out.bytes(PING_BODY));
  }

  /** Rare, small frames: each in bytes of its own. Dropped when the connection is still busy with others. */
  #send(write: (out: ByteWriter) => void): void {
    if (this.blocked) return;
    const out = new ByteWriter();
    if (!this.#preambleSent) writePreamble(out);
    this.#preambleSent = true;
    const start = beginFrame(out);
    write(out);
    endFrame(out, start, this.#env);
    this.writeFrame(out.view());
  }

  // --- the connection's events

  onOpen(): void {
    this.#connecting = false;
    this.#owner.onOpen(this);
  }

  onDrain(): void {
    this.blocked = false;
    this.#heard = true;
    this.#owner.onDrain(this);
  }

  onClose(reason: CloseReason): void {
    if (this.closed) return;
    this.closed = true;
    this.#owner.onEnd(this, reason);
  }

  onData(bytes: Uint8Array): void {
    this.#heard = true;
    let rest = bytes;
    if (this.#preambleLength < PREAMBLE_BYTES) {
      const count = Math.min(PREAMBLE_BYTES - this.#preambleLength, bytes.length);
      this.#preamble.set(bytes.subarray(0, count), this.#preambleLength);
      this.#preambleLength += count;
      if (this.#preambleLength < PREAMBLE_BYTES || !this.#checkPreamble()) return;
      rest = bytes.subarray(count);
    }
    try {
      this.#reader.push(rest, this.#onBody);
    } catch (error) {
      // Only this: an invariant that breaks while a message is handled must end the process.
      if (!(error instanceof MalformedPeerBytes)) throw error;
      this.#break("SHERD_PEER_FRAME", `${error.message}.`);
    }
  }

  #checkPreamble(): boolean {
    const version = readPreamble(this.#preamble);
    if (version === PEER_PROTOCOL_VERSION) return true;
    if (version === undefined) {
      this.#break("SHERD_PEER_FRAME", "it does not speak sherd's peer protocol.");
    } else {
      this.#sendPreamble();
      this.#break("SHERD_PEER_VERSION", `it speaks version ${version}, this node ${PEER_PROTOCOL_VERSION}.`);
    }
    return false;
  }

  /** To a dialer of another version: so that it learns why. */
  #sendPreamble(): void {
    if (this.#preambleSent) return;
    const out = new ByteWriter();
    writePreamble(out);
    this.#preambleSent = true;
    this.writeFrame(out.view());
  }

  #break(code: ErrorCode, detail: string): void {
    if (this.closed) return;
    this.close();
    this.#owner.onBroken(this, code, detail);
  }

  /** False when the stream was closed over it. */
  #frame(body: Uint8Array): boolean {
    const kind = body[0] as number;
    if (kind === FRAME_MESSAGES && this.peer !== undefined) {
      eachMessage(body, this.#onMessage);
      return !this.closed;
    }
    const rest = body.subarray(1);
    if (kind === FRAME_HELLO && !this.#helloSeen) {
      this.#helloSeen = true;
      this.#owner.onHello(this, readHello(rest));
    } else if (kind === FRAME_REFUSE) {
      this.#owner.onRefusal(this, readRefusal(rest));
    } else if (kind === FRAME_GOSSIP && this.peer !== undefined) {
      this.#owner.onGossip(this, readGossip(rest));
    } else if (kind === FRAME_PING && this.peer !== undefined && rest.length === 0) {
      this.#send((out) => out.bytes(PONG_BODY));
    } else if (kind !== FRAME_PONG || !this.#dialed || rest.length > 0) {
      throw new MalformedPeerBytes(`a frame of kind ${kind} where none may be`);
    }
    return !this.closed;
  }
}
