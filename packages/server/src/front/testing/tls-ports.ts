import { readFileSync } from "node:fs";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { encodeCommand, RespReplyParser, type RespValue } from "@sherd/client/protocol";
import { onTestFinished } from "vitest";
import { Connections } from "../../core/session/index.ts";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import { type ClientAuth, type TlsFiles, TlsIdentity, type TlsPort } from "../../host/tls/index.ts";
import { TestAuthority } from "../../host/tls/testing/authority.ts";
import { startGrpc } from "../grpc/index.ts";
import { startHttp } from "../http/index.ts";
import type { Front } from "../listen.ts";
import { processFacts, startResp } from "../resp/index.ts";

export const HOST = "127.0.0.1";

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** Ports of one certificate over a fake node: real sockets, real clients, no Raft. */
export class Ports {
  readonly authority: TestAuthority;
  readonly files: TlsFiles;
  readonly tls: TlsPort;
  readonly lines: Line[];
  readonly node: FakeNode = new FakeNode();
  readonly connections: Connections = new Connections(this.node, { ...processFacts("0.1.0"), tls: true });

  private constructor(authority: TestAuthority, files: TlsFiles, tls: TlsPort, lines: Line[]) {
    this.authority = authority;
    this.files = files;
    this.tls = tls;
    this.lines = lines;
  }

  static async open(clientAuth: ClientAuth = "no"): Promise<Ports> {
    const authority = await TestAuthority.create();
    const files = await authority.issue("server");
    const lines: Line[] = [];
    const log = (level: string, message: string, fields: Record<string, unknown>): void =>
      void lines.push({ level, message, fields });
    const identity = await TlsIdentity.open({ files, use: "server", name: "client ports", log });
    onTestFinished(() => identity.close());
    return new Ports(authority, files, { identity, clientAuth }, lines);
  }

  async resp(redirect = false): Promise<Front> {
    return this.#opened(await startResp(this.connections, { host: HOST, port: 0, redirect, tls: this.tls }));
  }

  async grpc(): Promise<Front> {
    return this.#opened(await startGrpc(this.node, { host: HOST, port: 0, tls: this.tls }));
  }

  async http(): Promise<Front> {
    return this.#opened(await startHttp(this.node, { host: HOST, port: 0, tls: this.tls }));
  }

  get warnings(): Line[] {
    return this.lines.filter(({ level }) => level === "warn");
  }

  /** What a client needs to trust the ports. */
  get ca(): Buffer {
    return readFileSync(this.authority.ca);
  }

  #opened(front: Front): Front {
    onTestFinished(() => front.close());
    return front;
  }
}

/** A RESP client that says what TLS it wants. */
export class Client {
  readonly socket: TLSSocket;
  readonly #parser: RespReplyParser = new RespReplyParser();
  readonly #replies: RespValue[] = [];
  #wake: () => void = () => {};

  constructor(port: number, options: ConnectionOptions & { allowHalfOpen?: boolean }) {
    this.socket = connect({ host: HOST, port, ...options });
    this.socket.on("error", () => this.#wake());
    this.socket.on("close", () => this.#wake());
    this.socket.on("data", (bytes) => {
      this.#replies.push(...this.#parser.push(bytes));
      this.#wake();
    });
    onTestFinished(() => void this.socket.destroy());
  }

  /** The replies, or fewer when the connection has ended. */
  async call(...commands: (string | Uint8Array)[][]): Promise<RespValue[]> {
    for (const command of commands) this.socket.write(encodeCommand(command));
    return this.replies(commands.length);
  }

  async replies(count: number): Promise<RespValue[]> {
    while (this.#replies.length < count && !this.socket.closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#replies.splice(0, count);
  }
}
