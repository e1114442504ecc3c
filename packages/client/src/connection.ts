import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ClientError, type Outcome } from "./errors.ts";
import { CONNECT_TIMEOUT_MS, INFLIGHT_MAX, REPLY_TIMEOUT_MS, UNSENT_BYTES_MAX } from "./limits.ts";
import {
  encodeCommand,
  RespError,
  RespProtocolError,
  RespPush,
  RespReplyParser,
  type RespValue,
} from "./protocol/index.ts";

export interface RespConnectionOptions {
  readonly host: string;
  readonly port: number;
  /**
   * Speaks TLS, with these options of `tls.connect`: `ca` to verify the server by, `cert` and `key` where it wants to know
   * the client. An empty object trusts the authorities that Node brings. Default: plain text.
   */
  readonly tls?: ConnectionOptions | undefined;
  /**
   * Before anything else the connection names itself with it. A refusal ends the connection with SHERD_CLIENT_HANDSHAKE.
   * Default: it is the server's default user.
   */
  readonly password?: string | undefined;
  /** Whose password it is; default `default`. */
  readonly username?: string | undefined;
  /** 3 greets the server with `HELLO 3`; 2 (default) sends nothing of its own, but a password. */
  readonly resp?: 2 | 3;
  /** Milliseconds until a dial is given up; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Milliseconds without any reply while replies are owed, after which the connection is closed; default 15,000. */
  readonly replyTimeoutMs?: number;
  /** Commands that may wait for their replies; beyond it a command fails with SHERD_CLIENT_BUSY. Default 4,096. */
  readonly inflightMax?: number;
  /** Bytes that may wait to be taken by the peer; beyond it a command fails with SHERD_CLIENT_BUSY. Default 64 MiB. */
  readonly unsentBytesMax?: number;
  /** RESP3 messages that answer no command. */
  readonly onPush?: (push: RespPush) => void;
  /** Once, when the connection has ended; after all waiting commands were told. */
  readonly onClosed?: (reason: ClientError) => void;
}

/** What a command gets: the server's reply (a `RespError` is one), or what became of the connection. */
export type Answer = RespValue | ClientError;
export type AnswerHandler = (answer: Answer) => void;

type State = "connecting" | "open" | "closed";

const READ_BUFFER_BYTES = 16 * 1024;

/**
 * One connection to one node. Commands may be sent at once, before it is open, and without waiting for replies: replies
 * come in the order of the commands. What is sent in one turn of the event loop leaves in one write.
 *
 * Every command is answered exactly once. Bounds: `inflightMax`, `unsentBytesMax`, both time-outs. It never connects again.
 */
export class RespConnection {
  readonly host: string;
  readonly port: number;
  readonly #options: RespConnectionOptions;
  /** What is sent before anything else; the connection is open when it is answered. */
  readonly #greeting: readonly string[] | undefined;
  readonly #socket: Socket;
  readonly #parser: RespReplyParser = new RespReplyParser();
  readonly #inflightMax: number;
  readonly #unsentBytesMax: number;
  readonly #replyTimeoutMs: number;
  #state: State = "connecting";
  #closeReason: ClientError | undefined;
  #waiting: AnswerHandler[] = [];
  /** `#waiting[#head]` is owed the next reply; what lies before it is answered. */
  #head = 0;
  #unflushed: Uint8Array[] = [];
  #unflushedBytes = 0;
  #flushAsked = false;
  #lastReplyMs = 0;
  #silenceTimer: NodeJS.Timeout | undefined;
  readonly #connectTimer: NodeJS.Timeout;
  readonly #openWaiters: { resolve: () => void; reject: (error: ClientError) => void }[] = [];
  #closeWhenIdle = false;

  constructor(options: RespConnectionOptions) {
    this.host = options.host;
    this.port = options.port;
    this.#options = options;
    this.#inflightMax = options.inflightMax ?? INFLIGHT_MAX;
    this.#unsentBytesMax = options.unsentBytesMax ?? UNSENT_BYTES_MAX;
    this.#replyTimeoutMs = options.replyTimeoutMs ?? REPLY_TIMEOUT_MS;
    const connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#connectTimer = setTimeout(() => {
      this.#end(this.#error("SHERD_CLIENT_CONNECT", `${this.#name} did not answer within ${connectTimeoutMs} ms.`));
    }, connectTimeoutMs);
    this.#socket = this.#dial();
    this.#socket.on(options.tls === undefined ? "connect" : "secureConnect", () => this.#connected());
    this.#socket.on("error", (cause: Error & { readonly reason?: unknown }) => {
      // Of TLS: a few words, where the message is a line of OpenSSL's innards.
      this.#end(this.#lost(typeof cause.reason === "string" ? cause.reason : cause.message, cause));
    });
    this.#socket.on("close", () => this.#end(this.#lost("the peer closed the connection")));
    this.#greeting = greetingOf(options);
    if (this.#greeting !== undefined) this.send(this.#greeting, (answer) => this.#greeted(answer));
  }

  /** Connects and resolves when the connection is open and greeted. Rejects with a `ClientError`. */
  static async open(options: RespConnectionOptions): Promise<RespConnection> {
    const connection = new RespConnection(options);
    await connection.whenOpen();
    return connection;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** Commands without an answer. */
  get inflight(): number {
    return this.#waiting.length - this.#head;
  }

  whenOpen(): Promise<void> {
    if (this.#state === "open") return Promise.resolve();
    if (this.#closeReason !== undefined) return Promise.reject(this.#closeReason);
    return new Promise((resolve, reject) => this.#openWaiters.push({ resolve, reject }));
  }

  /** Sends a command. Strings are sent as UTF-8. The answer comes later, never inside this call. */
  send(args: readonly (string | Uint8Array)[], done: AnswerHandler): void {
    this.sendEncoded(encodeCommand(args), done);
  }

  /** As `send`, for a command that is RESP already and may be sent again. The bytes must not change until the answer. */
  sendEncoded(command: Uint8Array, done: AnswerHandler): void {
    if (this.#state === "closed" || this.#closeWhenIdle) {
      const reason = this.#closeReason ?? this.#error("SHERD_CLIENT_CLOSED", `${this.#name} is closing.`);
      queueMicrotask(() => done(reason.withOutcome("not-done")));
      return;
    }
    const unsent = this.#unflushedBytes + this.#socket.writableLength;
    // A single command passes whatever its size: it could never pass later.
    if (this.inflight >= this.#inflightMax || (unsent > 0 && unsent + command.length > this.#unsentBytesMax)) {
      const busy = this.#error("SHERD_CLIENT_BUSY", `${this.inflight} commands and ${unsent} bytes wait.`);
      queueMicrotask(() => done(busy));
      return;
    }
    if (this.inflight === 0) this.#watchSilence();
    this.#waiting.push(done);
    this.#unflushed.push(command);
    this.#unflushedBytes += command.length;
    if (this.#state === "open") this.#askFlush();
  }

  /** As `send`. An error reply is a value (`RespError`); the promise rejects with a `ClientError` only. */
  call(args: readonly (string | Uint8Array)[]): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      this.send(args, (answer) => (answer instanceof ClientError ? reject(answer) : resolve(answer)));
    });
  }

  /** Takes no more commands, and closes when the waiting ones are answered. */
  close(): void {
    this.#closeWhenIdle = true;
    if (this.inflight === 0) this.destroy();
  }

  /** Closes now. Waiting commands are told so. */
  destroy(): void {
    this.#end(this.#error("SHERD_CLIENT_CLOSED", `${this.#name} was closed here.`, "unknown"));
  }

  get #name(): string {
    return `${this.host}:${this.port}`;
  }

  #error(code: ClientError["code"], detail: string, outcome: Outcome = "not-done", cause?: unknown): ClientError {
    return new ClientError(code, outcome, detail, { cause });
  }

  #lost(detail: string, cause?: unknown): ClientError {
    if (this.#state === "connecting")
      return this.#error("SHERD_CLIENT_CONNECT", `${this.#name}: ${detail}.`, "not-done", cause);
    return this.#error("SHERD_CLIENT_LOST", `${this.#name}: ${detail}.`, "unknown", cause);
  }

  #dial(): Socket {
    const { host, port, tls } = this.#options;
    const where = {
      host,
      port,
      noDelay: true,
      // One buffer for all reads: the parser copies what it keeps.
      onread: {
        buffer: new Uint8Array(READ_BUFFER_BYTES),
        callback: (count: number, buffer: Uint8Array) => {
          this.#read(buffer.subarray(0, count));
          return true;
        },
      },
    };
    return tls === undefined ? connect(where) : connectTls({ ...tls, ...where }).setNoDelay(true);
  }

  #connected(): void {
    this.#state = "open";
    if (this.#greeting === undefined) this.#opened();
    this.#flush();
  }

  #greeted(answer: Answer): void {
    if (answer instanceof ClientError) return; // the end of the connection told everybody
    if (answer instanceof RespError) {
      this.#end(this.#error("SHERD_CLIENT_HANDSHAKE", `${this.#name}: ${answer.message}.`, "unknown", answer));
    } else this.#opened();
  }

  #opened(): void {
    clearTimeout(this.#connectTimer);
    for (const waiter of this.#openWaiters.splice(0)) waiter.resolve();
  }

  #askFlush(): void {
    if (this.#flushAsked) return;
    this.#flushAsked = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushAsked = false;
    const parts = this.#unflushed;
    if (parts.length === 0 || this.#state !== "open") return;
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, this.#unflushedBytes);
    this.#unflushed = [];
    this.#unflushedBytes = 0;
    this.#socket.write(bytes);
  }

  #read(chunk: Uint8Array): void {
    if (this.#state === "closed") return;
    let replies: RespValue[];
    try {
      replies = this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof RespProtocolError)) throw error;
      this.#end(this.#error("SHERD_CLIENT_PROTOCOL", `${this.#name}: ${error.message}.`, "unknown", error));
      return;
    }
    if (replies.length === 0) return;
    this.#lastReplyMs = performance.now();
    for (const reply of replies) {
      if (reply instanceof RespPush) this.#options.onPush?.(reply);
      else if (!this.#answerNext(reply)) return;
    }
    if (this.#closeWhenIdle && this.inflight === 0) this.destroy();
  }

  /** False when the connection has ended. */
  #answerNext(reply: RespValue): boolean {
    if (this.#head >= this.#waiting.length) {
      this.#end(this.#error("SHERD_CLIENT_PROTOCOL", `${this.#name} sent a reply that nobody asked for.`, "unknown"));
      return false;
    }
    const done = this.#waiting[this.#head] as AnswerHandler;
    this.#head += 1;
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#head = 0;
    } else if (this.#head >= this.#inflightMax) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    done(reply);
    return this.#state !== "closed";
  }

  /** One timer, set while replies are owed; a timer for each command would cost more than the command. */
  #watchSilence(): void {
    this.#lastReplyMs = performance.now();
    this.#silenceTimer ??= setTimeout(() => this.#silenceCheck(), this.#replyTimeoutMs);
  }

  #silenceCheck(): void {
    this.#silenceTimer = undefined;
    if (this.inflight === 0 || this.#state === "closed") return;
    const leftMs = this.#lastReplyMs + this.#replyTimeoutMs - performance.now();
    if (leftMs > 0) {
      this.#silenceTimer = setTimeout(() => this.#silenceCheck(), leftMs);
      return;
    }
    const detail = `${this.#name} was silent for ${this.#replyTimeoutMs} ms, ${this.inflight} replies are owed.`;
    this.#end(this.#error("SHERD_CLIENT_TIMEOUT", detail, "unknown"));
  }

  #end(reason: ClientError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#closeReason = reason;
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#silenceTimer);
    this.#socket.destroy();
    // What never reached the socket certainly has no effect; it is the tail of the queue.
    const waiting = this.#waiting.slice(this.#head);
    const sent = waiting.length - this.#unflushed.length;
    this.#waiting = [];
    this.#head = 0;
    this.#unflushed = [];
    this.#unflushedBytes = 0;
    for (const waiter of this.#openWaiters.splice(0)) waiter.reject(reason);
    waiting.forEach((done, at) => {
      done(reason.withOutcome(at < sent ? "unknown" : "not-done"));
    });
    this.#options.onClosed?.(reason);
  }
}

function greetingOf({ resp, username = "default", password }: RespConnectionOptions): string[] | undefined {
  if (resp === 3) return password === undefined ? ["HELLO", "3"] : ["HELLO", "3", "AUTH", username, password];
  return password === undefined ? undefined : ["AUTH", username, password];
}
