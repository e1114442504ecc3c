import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeCommand, RespError, RespReplyParser, type RespValue } from "@sherd/client/protocol";
import { latin1, latin1Bytes, VALUE_BYTES_MAX } from "../../base/index.ts";

/** Redis 7 on this machine, or undefined. */
export function redisVersion(): string | undefined {
  const { error, stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return error === undefined ? /v=(7\.[\d.]+)/.exec(stdout)?.[1] : undefined;
}

/** A RESP2 connection. */
export class Asker {
  readonly #socket: Socket;
  readonly #waiting: { resolve: (value: RespValue) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    const parser = new RespReplyParser();
    socket.on("data", (bytes) => {
      for (const value of parser.push(bytes)) this.#waiting.shift()?.resolve(value);
    });
    socket.on("close", () => {
      for (const one of this.#waiting.splice(0)) one.reject(new Error("the server closed the connection"));
    });
  }

  static async connect(
    to: { readonly path: string } | { readonly host: string; readonly port: number },
  ): Promise<Asker> {
    const socket = createConnection(to);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new Asker(socket);
  }

  value(args: readonly (string | Uint8Array)[]): Promise<RespValue> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand([...args]));
    });
  }

  /** The answer as `shown` writes ours. Every character of a word is a byte. */
  async ask(words: readonly string[]): Promise<string> {
    return shownValue(await this.value(words.map(latin1Bytes)));
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** A Redis of our own on a unix socket, without persistence, and with our limit of a value. */
export class RedisOracle {
  readonly asker: Asker;
  readonly #folder: string;
  readonly #process: ChildProcess;

  private constructor(folder: string, process: ChildProcess, asker: Asker) {
    this.asker = asker;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(): Promise<RedisOracle> {
    const folder = mkdtempSync(join(tmpdir(), "sherd-redis-"));
    const path = join(folder, "socket");
    const options = { port: 0, unixsocket: path, save: "", appendonly: "no", "proto-max-bulk-len": VALUE_BYTES_MAX };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const process = spawn("redis-server", args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      let log = "";
      process.stdout.on("data", (bytes: Buffer) => {
        log += bytes.toString();
        if (/ready to accept connections/i.test(log)) resolve();
      });
      process.on("error", reject);
      process.on("exit", () => reject(new Error(`redis-server ended at its start:\n${log}`)));
    });
    return new RedisOracle(folder, process, await Asker.connect({ path }));
  }

  value(args: readonly (string | Uint8Array)[]): Promise<RespValue> {
    return this.asker.value(args);
  }

  async stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    this.asker.close();
    this.#process.kill();
    await ended;
    rmSync(this.#folder, { recursive: true });
  }
}

/** An answer of ours with Redis' name of its setting, where we name the number of bytes. */
export const inRedisWords = (answer: string): string =>
  answer.replace(/(exceeds (?:maximum allowed size \()?)8388608 bytes(?:;.*)?/, "$1proto-max-bulk-len");

function shownValue(value: RespValue): string {
  if (value === null) return "(nil)";
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return `"${latin1(value)}"`;
  if (value instanceof RespError) return `(error) ${value.message}`;
  if (Array.isArray(value)) return `[${value.map(shownValue).join(" ")}]`;
  throw new RangeError(`RESP2 has no ${JSON.stringify(value)}`);
}
