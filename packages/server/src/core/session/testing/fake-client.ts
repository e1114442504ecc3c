import { encodeCommand, RespError, RespPush, RespReplyParser, type RespValue } from "@sherd/client/protocol";
import { testSecrets } from "../../access/testing/rules.ts";
import { latin1Bytes, utf8 } from "../../base/index.ts";
import type { Connection } from "../connection.ts";
import type { Connections } from "../connections.ts";
import type { ClientSocket, ServerFacts } from "../types.ts";

export const testFacts: ServerFacts = {
  version: "0.1.0",
  processId: 42,
  system: "Test 1 x64",
  nodeVersion: "20.0.0",
  wallMs: () => 1_000_000,
  uptimeMs: () => 5_000,
  memory: () => ({ residentBytes: 64 * 1024 * 1024, heapBytes: 32 * 1024 * 1024 }),
  memoryBytes: 1024 * 1024 * 1024,
  secrets: testSecrets,
  cpu: () => ({ userSeconds: 1.5, systemSeconds: 0.5 }),
  directory: "/data/node-1",
  debugCommand: "no",
  stall: () => {},
};

/** Values as tests like to read them: bytes as text, errors as `-text`, pushes as arrays that begin with `>`. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };

function shown(value: RespValue): Shown {
  if (value instanceof Uint8Array) return utf8(value);
  if (value instanceof RespError) return `-${value.message}`;
  if (Array.isArray(value)) return value.map(shown);
  if (value instanceof RespPush) return [">", ...value.items.map(shown)];
  if (typeof value === "object" && value !== null && "entries" in value && Array.isArray(value.entries)) {
    return Object.fromEntries(value.entries.map(([key, one]) => [shown(key) as string, shown(one)]));
  }
  return value as Shown;
}

/** A client and its socket: what it is sent piles up, as if it did not read, while `slow` is set. */
export class FakeClient implements ClientSocket {
  readonly remoteAddress = "127.0.0.1:5000";
  readonly localAddress = "127.0.0.1:7379";
  readonly connection: Connection;
  slow = false;
  pendingBytes = 0;
  paused = false;
  closed = false;
  destroyed = false;
  /** Calls of `write`. */
  writes = 0;
  readonly #parser: RespReplyParser = new RespReplyParser();
  #replies: Shown[] = [];

  constructor(connections: Connections, redirect = false) {
    const connection = connections.open(this, redirect);
    if (connection === undefined) throw new Error("refused");
    this.connection = connection;
  }

  send(...args: (string | Uint8Array)[]): void {
    this.connection.onData(encodeCommand(args));
  }

  sendRaw(text: string): void {
    this.connection.onData(latin1Bytes(text));
  }

  /** All commands in one chunk. */
  pipeline(...commands: (string | Uint8Array)[][]): void {
    this.connection.onData(Buffer.concat(commands.map((args) => encodeCommand(args))));
  }

  /** Replies since the last call. */
  take(): Shown[] {
    const replies = this.#replies;
    this.#replies = [];
    return replies;
  }

  /** Sends one command and gives its reply, which must come at once. */
  ask(...args: (string | Uint8Array)[]): Shown {
    this.send(...args);
    const replies = this.take();
    if (replies.length !== 1) throw new Error(`${replies.length} replies instead of one`);
    return replies[0] as Shown;
  }

  /** A slow client reads everything at last. */
  catchUp(): void {
    this.pendingBytes = 0;
    this.connection.onDrain();
  }

  write(bytes: Uint8Array): boolean {
    this.writes += 1;
    this.#replies.push(...this.#parser.push(bytes).map(shown));
    if (!this.slow) return true;
    this.pendingBytes += bytes.length;
    return false;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): void {
    this.closed = true;
    this.connection.onClose();
  }

  destroy(): void {
    this.destroyed = true;
  }
}
