import { performance } from "node:perf_hooks";
import { type Answer, ClientError, RespConnection, RespError } from "@sherd/client";

const PAUSE_MS = 2;
/** Its keys are spread over all shards. */
export const KEYS = 64;

/** Milliseconds from sending to the answer. */
export interface Waits {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A client that writes and reads keys that do not end, one at a time, and notes what it waited. */
export class Bystander {
  readonly #host: string;
  readonly #port: number;
  #waitsMs: number[] = [];
  #longestMs = 0;
  #stopped = false;
  readonly #ended: Promise<void>;

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
    this.#ended = this.#run();
  }

  /** Since the last call. */
  take(): Waits {
    const sorted = this.#waitsMs.sort((left, right) => left - right);
    this.#waitsMs = [];
    const at = (share: number): number =>
      Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
    return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  /** Of those that ended since the last call of this. */
  takeLongestMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return Number(longestMs.toFixed(1));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    const connection = await RespConnection.open({ host: this.#host, port: this.#port });
    for (let at = 0; !this.#stopped; at += 1) {
      const key = `stays:${at % KEYS}`;
      await this.#timed(connection, ["SET", key, String(at)]);
      await this.#timed(connection, ["GET", key]);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    connection.close();
  }

  async #timed(connection: RespConnection, args: readonly string[]): Promise<void> {
    const beganMs = performance.now();
    const answer: Answer = await connection.call(args);
    const waitedMs = performance.now() - beganMs;
    this.#waitsMs.push(waitedMs);
    if (waitedMs > this.#longestMs) this.#longestMs = waitedMs;
    if (answer instanceof RespError || answer instanceof ClientError) throw answer;
  }
}
