import { assert } from "../../base/index.ts";
import type { CloseReason, Connection, ConnectionHandler, Network } from "../../env/index.ts";

/**
 * Byte streams in memory, as TCP has them: in order, cut into pieces anywhere, whole unless the connection ends.
 * Everything that happens is an event in one queue, in an order that the seed alone decides.
 *
 * Faults: `kill` (the process is gone: streams end, dialing is refused), `unplug` (the host is gone: nothing arrives,
 * nothing is answered, both ends believe in their streams), `stall` (the process does not read), `closePort`, `reset`.
 */
export class MemoryWorld {
  readonly #random: () => number;
  readonly #hosts = new Map<string, MemoryHost>();
  #events: (() => void)[] = [];
  /** Pieces that streams are cut into: 1..pieceBytesMax. */
  pieceBytesMax = 64 * 1024;
  /** What a stream takes in before the other end reads. */
  bufferBytes = 256 * 1024;

  constructor(seed: number) {
    let state = seed >>> 0;
    this.#random = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 0x1_0000_0000;
    };
  }

  random32(): number {
    return Math.floor(this.#random() * 0x1_0000_0000);
  }

  /** The network of a process that listens on `host:port`. Replaces one that was killed there. */
  bind(host: string, port: number): Network {
    const address = `${host}:${port}`;
    assert(!this.#hosts.get(address)?.alive, "an address has one process");
    const bound = new MemoryHost(this, address);
    this.#hosts.set(address, bound);
    return bound;
  }

  kill(address: string): void {
    const host = this.#host(address);
    host.alive = false;
    for (const end of host.ends) end.cut();
  }

  unplug(address: string): void {
    this.#host(address).unplugged = true;
  }

  /** What was sent meanwhile arrives now, unless an end was closed. */
  plugIn(address: string): void {
    const host = this.#host(address);
    host.unplugged = false;
    for (const end of host.ends) {
      end.resume();
      end.other?.resume();
    }
  }

  /** Another address of the same process, as a second name of its host. */
  alias(address: string, of: string): void {
    this.#hosts.set(address, this.#host(of));
  }

  /** The process lives on, but takes no more connections. */
  closePort(address: string): void {
    this.#host(address).accept = undefined;
  }

  /** Ends the streams that one process dialed to another, as a router between them may. */
  reset(from: string, to: string): void {
    for (const end of this.#host(from).ends) {
      if (end.remote !== to) continue;
      end.other?.end("ended");
      end.end("ended");
    }
  }

  stall(address: string): void {
    this.#host(address).stalled = true;
  }

  unstall(address: string): void {
    const host = this.#host(address);
    host.stalled = false;
    for (const end of host.ends) end.other?.resume();
  }

  /** Until nothing is under way. */
  run(): void {
    for (let steps = 0; this.#events.length > 0; steps += 1) {
      assert(steps < 1_000_000, "the world comes to rest");
      const events = this.#events;
      this.#events = [];
      for (const event of events) event();
    }
  }

  // --- for hosts and connections

  later(event: () => void): void {
    this.#events.push(event);
  }

  find(address: string): MemoryHost | undefined {
    return this.#hosts.get(address);
  }

  piece(): number {
    return 1 + Math.floor(this.#random() * this.pieceBytesMax);
  }

  #host(address: string): MemoryHost {
    const host = this.#hosts.get(address);
    assert(host !== undefined, "the address was bound");
    return host;
  }
}

class MemoryHost implements Network {
  readonly world: MemoryWorld;
  readonly address: string;
  alive = true;
  unplugged = false;
  stalled = false;
  readonly ends = new Set<MemoryConnection>();
  accept: ((connection: Connection) => ConnectionHandler) | undefined;

  constructor(world: MemoryWorld, address: string) {
    this.world = world;
    this.address = address;
  }

  listen(accept: (connection: Connection) => ConnectionHandler): void {
    this.accept = accept;
  }

  dial(host: string, port: number, handler: ConnectionHandler): Connection {
    const address = `${host}:${port}`;
    const here = new MemoryConnection(this, address);
    here.handler = handler;
    this.world.later(() => this.#connect(here, this.world.find(address)));
    return here;
  }

  #connect(here: MemoryConnection, target: MemoryHost | undefined): void {
    // Nobody answers: whoever dialed gives up by itself.
    if (here.closed || this.unplugged || target?.unplugged) return;
    if (target === undefined || !target.alive || target.accept === undefined) {
      here.end(target === undefined ? "failed" : "refused");
      return;
    }
    // A stalled process still has a kernel: the connection is made, and nobody says a word.
    const there = new MemoryConnection(target, this.address);
    here.other = there;
    there.other = here;
    there.handler = target.accept(there);
    this.world.later(() => {
      if (!here.closed) here.handler?.onOpen();
    });
  }
}

/** One end of a stream, with the bytes that it sent and the other end has not got yet. */
class MemoryConnection implements Connection {
  readonly remote: string;
  handler: ConnectionHandler | undefined;
  other: MemoryConnection | undefined;
  /** The handler hears nothing more. */
  closed = false;
  readonly #host: MemoryHost;
  readonly #sent: Uint8Array[] = [];
  #sentBytes = 0;
  #full = false;
  #moving = false;
  /** After the last byte, the other end hears of the end. */
  #finished = false;

  constructor(host: MemoryHost, remote: string) {
    this.#host = host;
    this.remote = remote;
    host.ends.add(this);
  }

  write(bytes: Uint8Array): boolean {
    assert(this.other !== undefined, "a connection is written to when it is open");
    assert(!this.#full && !this.closed, "nothing is written before the drain, nor after the end");
    // The kernel's copy: a caller that changes bytes which it does not own any more would be seen.
    this.#sentBytes += bytes.length;
    this.#full = this.#sentBytes > this.#host.world.bufferBytes;
    this.#sent.push(this.#full ? bytes : bytes.slice());
    this.resume();
    return !this.#full;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#finished = true;
    this.#host.ends.delete(this);
    this.resume();
  }

  /** The process is gone: what it sent and is not there yet is lost. */
  cut(): void {
    this.closed = true;
    this.#finished = true;
    this.#sent.length = 0;
    this.#host.ends.delete(this);
    this.resume();
  }

  end(reason: CloseReason): void {
    if (this.closed) return;
    this.closed = true;
    this.#host.ends.delete(this);
    this.handler?.onClose(reason);
  }

  resume(): void {
    if (this.#moving || this.other === undefined) return;
    this.#moving = true;
    this.#host.world.later(() => {
      this.#moving = false;
      this.#move();
    });
  }

  #move(): void {
    const other = this.other as MemoryConnection;
    if (this.#host.unplugged || other.#host.unplugged || other.#host.stalled) return;
    const first = this.#sent.shift();
    if (first === undefined) {
      if (this.#finished) other.end("ended");
      else this.#drained();
      return;
    }
    const piece = first.slice(0, this.#host.world.piece());
    if (piece.length < first.length) this.#sent.unshift(first.subarray(piece.length));
    this.#sentBytes -= piece.length;
    if (!other.closed) other.handler?.onData(piece);
    // Valid during the call only: whoever kept a view of it has a view of rubbish.
    piece.fill(0xee);
    this.resume();
  }

  #drained(): void {
    if (!this.#full || this.closed) return;
    this.#full = false;
    this.handler?.onDrain();
  }
}
