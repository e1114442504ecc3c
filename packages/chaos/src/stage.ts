import { cpSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "@sherd/sim/checkers";
import { type Random, Violation } from "@sherd/sim/world";
import { type Caller, ClusterCaller, ForwardedCaller, foreign, routed } from "./clients/index.ts";
import { ProcessCluster } from "./cluster/index.ts";
import { type FaultKind, Faults, type Injected, Nodes, schedule } from "./faults/index.ts";
import { Ground } from "./ground/index.ts";
import { CLIENTS_STOP_MS_MAX, FINAL_READS_MS_MAX, SERVES_AGAIN_MS_MAX } from "./limits.ts";
import type { ChaosOptions } from "./options.ts";
import {
  type BrokenHistory,
  type Gap,
  Gaps,
  KeyRing,
  Recorder,
  readKeys,
  shardSlots,
  Worker,
  type Workload,
} from "./workload/index.ts";

export interface Extras {
  /** Replaces a client, so that a test can make one lie. */
  readonly disguise?: (caller: Caller, at: number) => Caller;
  /** The clients go on until it resolves, though the faults are over. */
  readonly until?: Promise<void>;
}

/** Who follows redirections, who relies on forwarding, who is foreign: in turn. */
const CLIENT_KINDS = ["routed", "forwarded", "routed", "forwarded", "foreign"] as const;
/** Some give up soon, some wait for whatever the node still does. */
const REPLY_TIMEOUTS_MS = [3_000, 15_000] as const;
/** A few hundred operations a second in all: enough for every fault to meet some, few enough for the checkers. */
const THINK_MS = [1, 25] as const;

/** The cluster of one run, its clients and its faults: what happens on it, step by step, and how it is cleared. */
export class Stage {
  readonly recorder: Recorder = new Recorder();
  readonly #options: ChaosOptions;
  readonly #hooks: Extras & { readonly print: (line: string) => void };
  readonly #random: Random;
  readonly #fail: (error: Error) => void;
  readonly #failed: AbortSignal;
  readonly #skipped: string[] = [];
  #preparing: Promise<Ground> | undefined;
  #ground: Ground | undefined;
  #cluster: ProcessCluster | undefined;
  #nodes: Nodes | undefined;
  #faults: Faults | undefined;
  #gaps: Gaps | undefined;
  #workers: Worker[] = [];
  #loops: Promise<void>[] = [];

  /** `fail` ends the run; `failed` tells that it has ended so. */
  constructor(
    options: ChaosOptions,
    hooks: Extras & { readonly print: (line: string) => void },
    random: Random,
    fail: (error: Error) => void,
    failed: AbortSignal,
  ) {
    this.#options = options;
    this.#hooks = hooks;
    this.#random = random;
    this.#fail = fail;
    this.#failed = failed;
  }

  get skipped(): readonly string[] {
    return this.#skipped;
  }

  get injected(): readonly Injected[] {
    return this.#faults?.injected ?? [];
  }

  get longestGaps(): readonly Gap[] {
    return this.#gaps?.longest ?? [];
  }

  /** Ground, nodes, clients. */
  async build(): Promise<void> {
    const { nodes: count, shards, replicas, faults } = this.#options;
    const names = Array.from({ length: count }, (_, at) => `node-${at + 1}`);
    this.#preparing = Ground.prepare({
      prefix: `shc${process.pid.toString(36)}`,
      names,
      disk: faults.includes("disk"),
      partition: faults.includes("partition"),
    });
    const ground = await this.#preparing;
    this.#ground = ground;
    this.#skipped.push(...ground.skipped);
    const hosts = names.map((name) => ground.host(name, 0));
    const file = await ProcessCluster.place({ nodes: count, shards, replicas, hosts });
    // From here to the nodes' start in one step: `clean` sees all of it or nothing.
    this.#failed.throwIfAborted();
    const cluster = new ProcessCluster(file, {
      data: (name) =>
        ground.disk !== undefined && name === ground.diskNode ? ground.disk.path : join(cluster.directory, "data"),
      runner: (name) => ground.runner(name),
    });
    this.#cluster = cluster;
    const nodes = new Nodes(cluster, (name, generation) => ground.host(name, generation), this.#fail);
    this.#nodes = nodes;
    await nodes.startAll();
    this.#print(`${count} nodes, ${shards} shards of ${replicas} replicas, seed ${this.#options.seed}`);
    for (const what of this.#skipped) this.#print(`SKIPPED ${what}`);
    await this.#startClients(nodes);
  }

  /** Faults by the schedule, for so many minutes or rounds; resolves when the last one has ended. */
  async break(): Promise<void> {
    const { minutes, rounds: roundsMax } = this.#options;
    const nodes = must(this.#nodes);
    const ground = must(this.#ground);
    const faults = new Faults(
      nodes,
      ground,
      () => this.recorder.nowMs,
      (line) => this.#print(line),
    );
    this.#faults = faults;
    const kinds = this.#options.faults.filter((kind) => isPossible(kind, ground));
    if (kinds.length === 0) throw new Error("none of the faults can be injected here");
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), Math.ceil(minutes * 60_000));
    const stop = AbortSignal.any([over.signal, this.#failed]);
    const rounds = schedule(this.#random.stream("faults"), {
      nodes: nodes.names,
      kinds,
      // With one replica there is no minority; one node may be away all the same.
      awayMax: Math.max(1, Math.floor((this.#options.replicas - 1) / 2)),
      diskNode: ground.diskNode,
      slow: ground.network !== undefined && ground.network.slowReason === undefined,
    });
    try {
      for (let done = 0; done < roundsMax && !stop.aborted; done += 1) await faults.run(rounds.next().value, stop);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Every shard takes writes again; the milliseconds until then. The clients have stopped when it resolves. */
  async settle(): Promise<number> {
    const gaps = must(this.#gaps);
    const healedMs = this.recorder.nowMs;
    this.#print("no more faults");
    const shards = Array.from({ length: this.#options.shards }, (_, shard) => shard);
    const silent = new Set(shards);
    const all = shards.map((shard) => gaps.writeSince(shard, healedMs).then(() => silent.delete(shard)));
    await this.#within(Promise.all(all), SERVES_AGAIN_MS_MAX, () => {
      const which = [...silent].map((shard) => shard + 1).join(", ");
      return new Violation(
        "the cluster serves again",
        `shard ${which}: no write ${SERVES_AGAIN_MS_MAX} ms after the faults`,
      );
    });
    const servedAgainMs = this.recorder.nowMs - healedMs;
    await this.#hooks.until;
    gaps.end(this.recorder.nowMs);
    for (const worker of this.#workers) worker.stop();
    await this.#within(Promise.all(this.#loops), CLIENTS_STOP_MS_MAX, () => {
      const open = this.recorder.open.map((operation) => `\n  ${describe(operation)} of ${operation.key}`);
      const what = `${open.length} of clients are not answered ${CLIENTS_STOP_MS_MAX} ms after the last was sent:${open.join("")}`;
      return new Violation("every request is answered", what);
    });
    return servedAgainMs;
  }

  /** Reads every key, with new clients: part of its history. */
  async readAll(): Promise<void> {
    const nodes = must(this.#nodes);
    const callers = [
      new ClusterCaller(routed, () => nodes.placed, REPLY_TIMEOUTS_MS[1]),
      new ForwardedCaller(() => nodes.placed, this.#random.stream("final"), REPLY_TIMEOUTS_MS[1]),
    ];
    const over = new AbortController();
    try {
      const reading = readKeys(this.recorder, callers, over.signal);
      await this.#within(reading, FINAL_READS_MS_MAX, () => {
        return new Violation("the cluster serves again", `not every key was read in ${FINAL_READS_MS_MAX} ms`);
      });
    } finally {
      over.abort();
      for (const caller of callers) caller.close();
    }
  }

  async stopNodes(): Promise<void> {
    await must(this.#nodes).stopAll();
  }

  /** Everything that the system was given is gone afterwards; the directory too, or its path is returned. */
  async clean(keep: boolean, broken: readonly BrokenHistory[]): Promise<string | undefined> {
    for (const worker of this.#workers) worker.close();
    await this.#nodes?.close();
    const ground = await this.#preparing;
    const cluster = this.#cluster;
    try {
      if (keep && cluster !== undefined) this.#writeFindings(cluster, broken);
    } finally {
      await ground?.dispose();
    }
    if (keep) return cluster?.directory;
    await cluster?.dispose();
    return undefined;
  }

  #writeFindings(cluster: ProcessCluster, broken: readonly BrokenHistory[]): void {
    const faults = this.injected.map((one) => JSON.stringify(one)).join("\n");
    writeFileSync(join(cluster.directory, "faults.jsonl"), `${faults}\n`);
    for (const { key, lines } of broken) {
      writeFileSync(join(cluster.directory, `history-${key.replace(":", "-")}.txt`), `${lines.join("\n")}\n`);
    }
    const disk = this.#ground?.disk;
    for (const name of cluster.names) {
      writeFileSync(join(cluster.directory, `${name}.output`), cluster.output(name));
      const logs = join(cluster.dataOf(name), "logs");
      // The small disk ends with the run.
      if (disk !== undefined && logs.startsWith(disk.path) && existsSync(logs)) {
        cpSync(logs, join(cluster.directory, `${name}-logs`), { recursive: true });
      }
    }
  }

  async #startClients(nodes: Nodes): Promise<void> {
    const shards = await shardSlots(nodes.placed, this.#options.shards);
    this.#failed.throwIfAborted();
    const gaps = new Gaps(shards.length, this.recorder.nowMs);
    this.#gaps = gaps;
    const keys = new KeyRing(shards);
    const workload: Workload = { recorder: this.recorder, keys, gaps, thinkMs: THINK_MS, nodes };
    for (let at = 0; at < this.#options.clients; at += 1) {
      const random = this.#random.stream(`client ${at}`);
      const caller = this.#caller(at, nodes, random);
      const worker = new Worker(
        `${caller.kind}-${at + 1}`,
        this.#hooks.disguise?.(caller, at) ?? caller,
        random,
        workload,
      );
      this.#workers.push(worker);
      const loop = worker.run();
      loop.catch((error: unknown) => this.#fail(error as Error));
      this.#loops.push(loop);
    }
  }

  #caller(at: number, nodes: Nodes, random: Random): Caller {
    const timeoutMs = REPLY_TIMEOUTS_MS[Math.floor(at / CLIENT_KINDS.length) % 2] as number;
    switch (CLIENT_KINDS[at % CLIENT_KINDS.length]) {
      case "foreign":
        return new ClusterCaller(foreign, () => nodes.placed, timeoutMs);
      case "forwarded":
        return new ForwardedCaller(() => nodes.placed, random, timeoutMs);
      default:
        return new ClusterCaller(routed, () => nodes.placed, timeoutMs);
    }
  }

  /** Rejects with the error when it is late, and with the failure of the run. */
  async #within(work: Promise<unknown>, ms: number, late: () => Error): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const over = new AbortController();
    const otherwise = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(late()), ms);
      const failed = (): void => reject(this.#failed.reason as Error);
      this.#failed.addEventListener("abort", failed, { signal: over.signal });
    });
    await Promise.race([work, otherwise]).finally(() => {
      clearTimeout(timer);
      over.abort();
    });
  }

  #print(line: string): void {
    this.#hooks.print(`${(this.recorder.nowMs / 1000).toFixed(1).padStart(7)} s  ${line}`);
  }
}

function isPossible(kind: FaultKind, ground: Ground): boolean {
  if (kind === "disk") return ground.disk !== undefined;
  if (kind === "partition") return ground.network !== undefined;
  return true;
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the stage is not built");
  return value;
}
