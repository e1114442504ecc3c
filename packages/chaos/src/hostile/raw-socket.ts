import { connect, type Socket } from "node:net";

const HEAD_BYTES = 256;
/**
 * For a machine that is busy with the attack itself. The longest that a node takes by design: its gRPC server asks for a
 * sign of life after 20 s, and waits 10 s.
 */
const ANSWER_MS = 90_000;

/** A connection without manners: no protocol, no error that would matter. */
export class RawSocket {
  readonly #socket: Socket;
  /** What came back: how much, and how it began. */
  receivedBytes = 0;
  head: Buffer = Buffer.alloc(0);
  open = false;
  readonly closed: Promise<void>;
  readonly opened: Promise<boolean>;

  /** Resolves when it is open, or was refused. */
  static async dial(host: string, port: number): Promise<RawSocket> {
    const socket = new RawSocket(host, port);
    await socket.opened;
    return socket;
  }

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, allowHalfOpen: true });
    this.opened = new Promise((resolve) => {
      this.#socket.once("connect", () => {
        this.open = true;
        resolve(true);
      });
      this.#socket.once("close", () => resolve(false));
    });
    this.closed = new Promise((resolve) =>
      this.#socket.once("close", () => {
        this.open = false;
        resolve();
      }),
    );
    // Being thrown out is what an attacker expects: `closed` says so.
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      if (this.head.length < HEAD_BYTES) this.head = Buffer.concat([this.head, chunk]).subarray(0, HEAD_BYTES);
    });
    // The other side said that it will send nothing more: then neither do we.
    this.#socket.on("end", () => this.#socket.end());
  }

  /** Resolves when the system has taken the bytes, or the connection is gone. */
  async write(bytes: Uint8Array | string): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return;
    await Promise.race([new Promise<void>((resolve) => this.#socket.once("drain", resolve)), this.closed]);
  }

  /** Takes nothing that is sent from now on. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Sends this and closes our side; whether the other side closed within the time. It is destroyed afterwards. */
  async finish(bytes: Uint8Array | string, withinMs: number = ANSWER_MS): Promise<boolean> {
    await this.write(bytes);
    if (!this.#socket.destroyed) this.#socket.end();
    return this.closes(withinMs);
  }

  /** The first line of what came back. */
  get line(): string {
    return this.head.toString("latin1").split("\r\n", 1)[0] as string;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Whether the other side closed within the time; it is destroyed afterwards. */
  async closes(withinMs: number = ANSWER_MS): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), withinMs);
    });
    const closed = await Promise.race([this.closed.then(() => true), late]);
    clearTimeout(timer);
    this.destroy();
    return closed;
  }
}

/** Runs `count` tasks, so many at a time. */
export async function crowd(count: number, atOnce: number, task: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await task(next - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}
