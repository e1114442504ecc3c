/** A RESP server for tests: answers commands as a function says, on an ephemeral loopback port. Never part of the package. */
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from "node:tls";
import { RespReplyParser, type RespValue } from "../protocol/index.ts";

const decoder = new TextDecoder();

/** Raw RESP to send, or undefined to stay silent. The arguments include the command's name. */
export type FakeHandler = (args: readonly string[], connection: FakeConnection) => string | undefined;

export interface FakeConnection {
  readonly id: number;
  send(raw: string): void;
  close(): void;
}

export class FakeServer {
  readonly port: number;
  /** Every command that arrived, arguments joined by a space. */
  readonly commands: string[] = [];
  /** Chunks in which commands arrived. */
  chunks = 0;
  accepted = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** `port` 0 takes a free one. `tls`: it speaks TLS, with these options. */
  static start(handler: FakeHandler, port = 0, tls?: TlsOptions): Promise<FakeServer> {
    return new Promise((resolve, reject) => {
      let fake: FakeServer;
      const onSocket = (socket: Socket): void => fake.#serve(socket, handler);
      const server = tls === undefined ? createServer(onSocket) : createTlsServer(tls, onSocket);
      server.once("error", reject);
      server.listen(port, "127.0.0.1", () => {
        fake = new FakeServer(server, (server.address() as { port: number }).port);
        resolve(fake);
      });
    });
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Stops listening and cuts every connection, as the end of a process does. */
  stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) {
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
    }
    return closed;
  }

  #serve(socket: Socket, handler: FakeHandler): void {
    this.#sockets.add(socket);
    this.accepted += 1;
    const connection: FakeConnection = {
      id: this.accepted,
      send: (raw) => socket.write(raw, "latin1"),
      close: () => socket.destroy(),
    };
    const parser = new RespReplyParser();
    socket.on("data", (chunk: Buffer) => {
      this.chunks += 1;
      for (const command of parser.push(chunk)) {
        const args = (command as readonly RespValue[]).map((arg) => decoder.decode(arg as Uint8Array));
        this.commands.push(args.join(" "));
        const reply = handler(args, connection);
        if (reply !== undefined) socket.write(reply, "latin1");
      }
    });
    // A client that goes away is part of many tests.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

export const bulk = (text: string): string => `$${text.length}\r\n${text}\r\n`;
export const array = (...items: readonly string[]): string => `*${items.length}\r\n${items.join("")}`;
export const integer = (value: number): string => `:${value}\r\n`;
export const OK = "+OK\r\n";
export const NIL = "$-1\r\n";

/** A reply to CLUSTER SLOTS: leaders on 127.0.0.1. */
export function slotsReply(...ranges: readonly (readonly [from: number, to: number, ...ports: number[]])[]): string {
  return array(
    ...ranges.map(([from, to, ...ports]) =>
      array(integer(from), integer(to), ...ports.map((port) => array(bulk("127.0.0.1"), integer(port), bulk("id")))),
    ),
  );
}
