import type { Socket } from "node:net";
import { AUTH_FAILURES_MAX } from "../../core/base/index.ts";

interface Peer {
  readonly socket: Socket;
  /** Wrong passwords since the last right one: a proxy may carry the calls of many over one connection. */
  failures: number;
}

/** The port's connections, by where they come from: one that brings too many wrong passwords is closed, as in RESP. */
export class Guessing {
  readonly #peers: Map<string, Peer> = new Map();

  opened(socket: Socket): void {
    const key = `${socket.remoteAddress}:${socket.remotePort}`;
    const peer: Peer = { socket, failures: 0 };
    this.#peers.set(key, peer);
    socket.once("close", () => {
      if (this.#peers.get(key) === peer) this.#peers.delete(key);
    });
  }

  /** `peer`: as a call names it. */
  right(peer: string): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.failures = 0;
  }

  wrong(peer: string): void {
    const known = this.#peers.get(peer);
    if (known === undefined) return;
    known.failures += 1;
    // What this turn answers still leaves.
    if (known.failures === AUTH_FAILURES_MAX) setImmediate(() => known.socket.destroy());
  }
}
