import { assert, type NodeId, PEER_REDIAL_MS_MAX, PEER_REDIAL_MS_MIN, PEER_REDIALS_AT_ONCE } from "../base/index.ts";
import type { CloseReason, Env, PeerLinksHandler } from "../env/index.ts";
import type { NodeInfo } from "../meta/index.ts";
import { FrameQueue } from "./frames.ts";
import type { PeerAddress, PeerStream } from "./stream.ts";

/** When to try an address again: pauses that double, with jitter, so that nodes which lost each other do not march in step. */
export class Backoff {
  readonly #env: Env;
  #pauseMs = PEER_REDIAL_MS_MIN;
  atMs = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Something changed for the better: the next attempt may come at once, and pauses begin short again. */
  reset(): void {
    this.#pauseMs = PEER_REDIAL_MS_MIN;
    this.atMs = 0;
  }

  failed(nowMs: number): void {
    const jitter = (this.#env.random32() >>> 0) / 0x1_0000_0000;
    this.atMs = nowMs + this.#pauseMs * (0.5 + jitter / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, PEER_REDIAL_MS_MAX);
  }

  /** Nothing to gain from trying soon. */
  pause(nowMs: number, pauseMs: number): void {
    this.atMs = nowMs + pauseMs;
  }
}

/** What this node has with one other: the stream it dialed, the one the other dialed, and what waits to be sent. */
export class Link {
  readonly node: NodeId;
  readonly queue: FrameQueue;
  readonly backoff: Backoff;
  /** Dialed by this node: connecting, or ready when its `peer` is set. */
  outgoing: PeerStream | undefined;
  /** Dialed by the other node, and let in. */
  incoming: PeerStream | undefined;
  /** As last reported. */
  up = false;
  /** It was up, and that the peer's process is gone has not been reported since. */
  #mayBeGone = false;
  /** Nobody listened where the last ready stream led. */
  refused = false;
  /** Where the last ready stream led. */
  #provenAddress: PeerAddress | undefined;
  /** Attempts left that need no pause. */
  #redialsAtOnce: number = PEER_REDIALS_AT_ONCE;
  pingedMs = 0;
  /** Has messages for the next flush. */
  dirty = false;
  droppedMessages = 0;
  /** Where to dial, best first; at most two: what the node says of itself, and where it was met. */
  #addresses: PeerAddress[] = [];

  readonly #carriedByOutgoing: boolean;

  constructor(env: Env, self: NodeId, node: NodeId) {
    this.node = node;
    this.#carriedByOutgoing = self < node;
    this.queue = new FrameQueue(env);
    this.backoff = new Backoff(env);
  }

  get address(): PeerAddress | undefined {
    return this.#addresses[0];
  }

  /** The outgoing stream reached the node. */
  get ready(): boolean {
    return this.outgoing?.peer !== undefined;
  }

  /**
   * The stream that carries the messages, of both directions: the one that the node with the lower id dialed, so both
   * ends agree. Each direction on a stream of its own would double the packets: answers could not carry the
   * acknowledgements of what they answer.
   */
  get carrier(): PeerStream | undefined {
    const stream = this.#carriedByOutgoing ? this.outgoing : this.incoming;
    return stream?.peer === undefined ? undefined : stream;
  }

  /** A stream is gone. What waited for it is, too. */
  remove(stream: PeerStream): void {
    const outgoing = this.outgoing === stream;
    assert(outgoing || this.incoming === stream, "a link removes a stream that it has");
    if (outgoing) this.outgoing = undefined;
    else this.incoming = undefined;
    if (outgoing === this.#carriedByOutgoing) this.queue.clear();
  }

  /** Both directions, with the same start of the peer. */
  get usable(): boolean {
    const there = this.outgoing?.peer;
    const back = this.incoming?.peer;
    return there !== undefined && back !== undefined && there.bootCounter === back.bootCounter;
  }

  /** The outgoing stream reached the node at `address`. */
  arrived(address: PeerAddress, nowMs: number): void {
    this.#provenAddress = { host: address.host, port: address.port };
    this.prefer(this.#provenAddress);
    this.refused = false;
    this.pingedMs = nowMs;
  }

  /** Removes the outgoing stream, which ended. True: dial again at once. */
  outgoingEnded(reason: CloseReason, nowMs: number): boolean {
    const stream = this.outgoing as PeerStream;
    const wasReady = stream.peer !== undefined;
    this.remove(stream);
    if (wasReady && nowMs - stream.bornMs >= PEER_REDIAL_MS_MAX) {
      this.#redialsAtOnce = PEER_REDIALS_AT_ONCE;
      this.backoff.reset();
    }
    if (reason === "refused" && sameAddress(stream.target, this.#provenAddress)) this.refused = true;
    if (reason === "ended" && this.#redialsAtOnce > 0) {
      this.#redialsAtOnce -= 1;
      return true;
    }
    if (!wasReady) this.#rotate();
    this.backoff.failed(nowMs);
    return false;
  }

  /** The node started again, perhaps elsewhere. Returns the streams that belong to its earlier start. */
  follow(info: NodeInfo): PeerStream[] {
    const address = peerAddress(info);
    this.prefer(address);
    this.#redialsAtOnce = PEER_REDIALS_AT_ONCE;
    const stale: PeerStream[] = [];
    for (const stream of [this.outgoing, this.incoming]) {
      if (stream === undefined) continue;
      const { peer, target } = stream;
      const fits =
        peer === undefined
          ? sameAddress(target, address)
          : peer.bootCounter === info.bootCounter && peer.directory === info.directory;
      if (!fits) stale.push(stream);
    }
    return stale;
  }

  /** Tells what changed since the last report. Every change of the streams ends with it. */
  report(handler: PeerLinksHandler): void {
    if (this.usable !== this.up) {
      this.up = !this.up;
      if (this.up) {
        this.#mayBeGone = true;
        this.refused = false;
        handler.onUp(this.node);
      } else {
        handler.onDown(this.node, false);
      }
    }
    if (this.#mayBeGone && this.refused && !this.ready && this.incoming === undefined) {
      this.#mayBeGone = false;
      handler.onDown(this.node, true);
    }
  }

  prefer(address: PeerAddress): void {
    // A bootstrap plan may not know yet where a node will be.
    if (address.host === "" || address.port === 0) return;
    this.#addresses = [address, ...this.#addresses.filter((other) => !sameAddress(other, address))].slice(0, 2);
  }

  alsoTry(address: PeerAddress): void {
    const [first] = this.#addresses;
    if (first === undefined || sameAddress(first, address)) this.#addresses = [address];
    else this.#addresses = [first, address];
  }

  /** The first address led nowhere. */
  #rotate(): void {
    const first = this.#addresses.shift();
    if (first !== undefined) this.#addresses.push(first);
  }
}

export function peerAddress(info: NodeInfo): PeerAddress {
  return { host: info.addresses.host, port: info.addresses.peerPort };
}

function sameAddress(left: PeerAddress | undefined, right: PeerAddress | undefined): boolean {
  return left?.host === right?.host && left?.port === right?.port;
}
