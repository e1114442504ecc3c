import { ClientError, ClusterConnections, type ClusterOptions, keySlot, RespError } from "@sherd/client";
import { SherdError } from "../../core/base/index.ts";
import type { GapMeter, WrittenKey } from "./failover-analysis.ts";

/** Length of every value; the number stands in front. */
const VALUE_BYTES = 80;
/** Failures in a row after which a writer gives up: the cluster refuses writes for a reason that waiting does not cure. */
const FAILURES_MAX = 1_000;

/** Slots `from` to `to`, whose leaders are followed through the run. */
export interface Shard {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** A hash tag whose slot lies in the shard, found by trying: a shard of n slots takes 16384 / n tries on average. */
export function tagOfShard(shard: Shard): string {
  for (let n = 0; ; n += 1) {
    const tag = n.toString(36);
    const slot = keySlot(Buffer.from(tag));
    if (slot >= shard.from && slot <= shard.to) return tag;
  }
}

export const encodeNumber = (value: number): string => `${value} `.padEnd(VALUE_BYTES, "x");

/** Null for what no writer wrote. */
export function decodeNumber(bytes: Uint8Array): number | null {
  const match = /^(\d{1,15}) x*$/.exec(Buffer.from(bytes).toString("latin1"));
  return match === null ? null : Number(match[1]);
}

/** Writes 1, 2, 3, ... to a key of its shard, one after the other, until told to stop. A client of its own. */
export class FailoverWriter {
  readonly keys: WrittenKey[] = [];
  readonly failures: Map<string, number> = new Map();
  readonly #prefix: string;
  readonly #meter: GapMeter;
  readonly #connections: ClusterConnections;
  #serial = 0;
  #stopped = false;

  constructor(shard: Shard, name: string, meter: GapMeter, options: ClusterOptions) {
    this.#prefix = `{${tagOfShard(shard)}}:${name}`;
    this.#meter = meter;
    this.#connections = new ClusterConnections(options);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves after `stop`, when the last write is answered. */
  async run(): Promise<void> {
    let key = this.#nextKey();
    let failuresInARow = 0;
    while (!this.#stopped) {
      key.attempted += 1;
      const failure = await this.#write(key);
      if (failure === undefined) {
        key.acked = key.attempted;
        failuresInARow = 0;
        this.#meter.ack(performance.now());
        continue;
      }
      this.failures.set(failure.kind, (this.failures.get(failure.kind) ?? 0) + 1);
      failuresInARow += 1;
      if (failuresInARow > FAILURES_MAX) {
        throw new SherdError("SHERD_OPERATION_FAILED", `${FAILURES_MAX} writes in a row failed: ${failure.text}.`);
      }
      // Its last write may yet take effect, so nothing more is written there; see `judge`.
      if (key.acked === 0) this.keys.pop();
      key = this.#nextKey();
    }
    this.#connections.destroy();
  }

  #nextKey(): WrittenKey {
    const written: WrittenKey = { key: `${this.#prefix}:${this.#serial}`, acked: 0, attempted: 0 };
    this.#serial += 1;
    this.keys.push(written);
    return written;
  }

  async #write(written: WrittenKey): Promise<{ kind: string; text: string } | undefined> {
    const key = Buffer.from(written.key);
    try {
      const reply = await this.#connections.call(key, ["SET", key, encodeNumber(written.attempted)]);
      if (reply === "OK") return undefined;
      if (reply instanceof RespError) return { kind: reply.kind, text: reply.message };
      return { kind: "UNEXPECTED", text: "the reply to SET is not OK" };
    } catch (error) {
      if (error instanceof ClientError) return { kind: error.code, text: error.message };
      throw error;
    }
  }
}
