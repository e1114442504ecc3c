import { ClientError, type ClusterConnections, keySlot, RespError } from "@sherd/client";
import type { ClusterFile } from "../../packages/server/src/daemon/index.ts";
import { bootstrapPlan } from "../../packages/server/src/daemon/plan.ts";
import type { TestCluster } from "./cluster.ts";
import type { Forwarders } from "./forwarders.ts";

const VALUE_FILLER = "x".repeat(60);
/** Errors of the server after which a write may still have taken effect. All others say that it did not. */
const UNKNOWN_KINDS = new Set(["INDETERMINATE"]);

/** One key, written and read by one loop, so that what a read may return is known exactly. */
interface KeyHistory {
  readonly key: string;
  readonly shard: number;
  attempted: number;
  acknowledged: number;
  /** Writes that may have taken effect and may yet: their value is legal whenever it is seen. */
  readonly unknown: Set<number>;
  acknowledgedAtMs: number;
}

/** `perShard` keys of each shard. */
export function keysOfShards(file: ClusterFile, perShard: number): { key: string; shard: number }[] {
  const { shards } = bootstrapPlan(file);
  const keys: { key: string; shard: number }[] = [];
  for (const shard of shards) {
    let found = 0;
    for (let n = 0; found < perShard; n += 1) {
      const key = `key-${n}`;
      const slot = keySlot(new TextEncoder().encode(key));
      if (!shard.slots.some((range) => slot >= range.from && slot <= range.to)) continue;
      keys.push({ key, shard: shard.group });
      found += 1;
    }
  }
  return keys;
}

/**
 * Writes numbered values to every key and reads each back, without a pause, until stopped. Writes follow redirections
 * to the leader; every second read goes to any node, which forwards it. A read must return the last acknowledged write,
 * or one of unknown outcome: anything older is a lost write or a stale read, anything else was "certainly not done".
 */
export class Load {
  readonly #connections: ClusterConnections;
  readonly #forwarders: Forwarders;
  readonly #keys: KeyHistory[];
  readonly #listeners = new Set<(history: KeyHistory, invokedAtMs: number) => void>();
  #loops: Promise<void>[] = [];
  #stopped = false;
  /** Each names the key and the values. Must stay empty. */
  readonly violations: string[] = [];
  /** What clients were told, by first word. */
  readonly errors: Map<string, number> = new Map();

  constructor(cluster: TestCluster, perShard = 4) {
    this.#connections = cluster.connect();
    this.#forwarders = cluster.forwarders();
    this.#keys = keysOfShards(cluster.file, perShard).map((key) => ({
      ...key,
      attempted: 0,
      acknowledged: 0,
      unknown: new Set(),
      acknowledgedAtMs: 0,
    }));
  }

  get acknowledged(): number {
    return this.#keys.reduce((sum, history) => sum + history.acknowledged, 0);
  }

  start(): void {
    this.#loops = this.#keys.map((history) => this.#run(history));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** As `stop`, without waiting for the answers of nodes that are gone. */
  async abandon(): Promise<void> {
    this.#stopped = true;
    this.#connections.destroy();
    this.#forwarders.destroy();
    await Promise.all(this.#loops);
  }

  /** Resolves when so many writes more were acknowledged. */
  async acknowledge(count: number): Promise<void> {
    let left = count;
    await this.#until(() => {
      left -= 1;
      return left <= 0;
    });
  }

  /** Resolves when every one of the shards has acknowledged a write that was sent after this call. */
  async everyShardWrites(shards: readonly number[]): Promise<void> {
    const since = performance.now();
    const waiting = new Set(shards);
    if (waiting.size === 0) return;
    await this.#until((history, invokedAtMs) => {
      if (invokedAtMs >= since) waiting.delete(history.shard);
      return waiting.size === 0;
    });
  }

  /** Reads every key through `connections` and compares. */
  async verify(connections: ClusterConnections): Promise<void> {
    await Promise.all(
      this.#keys.map(async (history) => {
        const value = await connections.call(new TextEncoder().encode(history.key), ["GET", history.key]);
        if (value instanceof RespError) this.violations.push(`GET ${history.key}: ${value.message}`);
        else this.#judge(history, history.acknowledged, value);
      }),
    );
  }

  #until(done: (history: KeyHistory, invokedAtMs: number) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const listener = (history: KeyHistory, invokedAtMs: number): void => {
        if (!done(history, invokedAtMs)) return;
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }

  async #run(history: KeyHistory): Promise<void> {
    const key = new TextEncoder().encode(history.key);
    while (!this.#stopped) {
      await this.#write(key, history);
      await this.#read(key, history);
    }
  }

  async #write(key: Uint8Array, history: KeyHistory): Promise<void> {
    history.attempted += 1;
    const sequence = history.attempted;
    const invokedAtMs = performance.now();
    try {
      const reply = await this.#connections.call(key, ["SET", key, `${sequence}:${VALUE_FILLER}`]);
      if (reply instanceof RespError) {
        this.#count(reply.kind);
        if (UNKNOWN_KINDS.has(reply.kind)) history.unknown.add(sequence);
        return;
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#count(error.code);
      if (error.outcome === "unknown") history.unknown.add(sequence);
      return;
    }
    history.acknowledged = sequence;
    history.acknowledgedAtMs = performance.now();
    for (const listener of this.#listeners) listener(history, invokedAtMs);
  }

  async #read(key: Uint8Array, history: KeyHistory): Promise<void> {
    const acknowledged = history.acknowledged;
    const forwarded = history.attempted % 2 === 0;
    try {
      const value = await (forwarded ? this.#forwarders.call(["GET", key]) : this.#connections.call(key, ["GET", key]));
      if (value instanceof RespError) this.#count(value.kind);
      else this.#judge(history, acknowledged, value);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      // A node that is down forwards nothing; who follows the map should not notice.
      if (!forwarded) this.#count(error.code);
    }
  }

  #judge(history: KeyHistory, acknowledged: number, value: unknown): void {
    const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
    const sequence = text === undefined ? 0 : Number(text.split(":")[0]);
    if (sequence === acknowledged || history.unknown.has(sequence)) return;
    this.violations.push(
      `${history.key} of shard ${history.shard}: read ${text === undefined ? "nothing" : sequence} after write ${acknowledged} was acknowledged (${history.attempted} tried, unknown: ${[...history.unknown].slice(-5).join(" ")})`,
    );
  }

  #count(kind: string): void {
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
  }
}
