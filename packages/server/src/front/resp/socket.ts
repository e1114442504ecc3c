import type { Socket } from "node:net";
import type { ClientSocket } from "../../core/session/index.ts";

const address = (host: string | undefined, port: number | undefined): string =>
  host === undefined ? "?" : host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** A TCP socket as the session wants it. */
export class TcpClientSocket implements ClientSocket {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.remoteAddress = address(socket.remoteAddress, socket.remotePort);
    this.localAddress = address(socket.localAddress, socket.localPort);
  }

  get pendingBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): boolean {
    this.#socket.write(bytes);
    // The system usually takes all of it within the call, and then nobody looks at the buffer any more.
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
