import { ClusterConnections, type ClusterOptions, RespError } from "@sherd/client";
import { SherdError } from "../../core/base/index.ts";
import type { Credentials } from "../credentials.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { ClientTls } from "../tls-options.ts";
import {
  GapMeter,
  judge,
  type Kill,
  type LostWrite,
  type Spread,
  summarizeKills,
  type WrittenKey,
} from "./failover-analysis.ts";
import { decodeNumber, FailoverWriter, type Shard } from "./failover-writer.ts";
import { type LocalNode, type LocalNodes, localNodes } from "./local-nodes.ts";
import { type Machine, thisMachine } from "./report.ts";

/** A restarted node replays its log first; longer than this and something is wrong. */
const WHOLE_AGAIN_MS_MAX = 60_000;
/** There is no event for another process' readiness. */
const LOOK_INTERVAL_MS = 50;
/** Short, so that the gap is the cluster's and not the client's patience. */
const RETRY_DELAY_MS = 10;
/** Keys read back at once. */
const VERIFY_BATCH = 256;

export interface FailoverOptions {
  readonly data: string;
  readonly kills: number;
  readonly workers: number;
  readonly json: boolean;
  readonly tls?: ClientTls | undefined;
  readonly credentials?: Credentials | undefined;
}

export interface FailoverReport {
  readonly kills: readonly Kill[];
  readonly shards: number;
  readonly writers: number;
  readonly acknowledged: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly keysReadBack: number;
  readonly lost: readonly LostWrite[];
}

export async function benchFailover(options: FailoverOptions): Promise<ExitCode> {
  const machine = thisMachine();
  const startedAt = new Date().toISOString();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const report = await runFailover(localNodes(options.data, options.tls), options.kills, options.workers, say, {
    tls: options.tls,
    credentials: options.credentials,
  });
  const summary = summarizeKills(report.kills);
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ startedAt, machine, ...report, summary }, null, 2)}\n`
      : formatFailover(report, machine),
  );
  if (report.lost.length === 0) return EXIT.ok;
  const detail = `${report.lost.length} keys do not hold their last acknowledged write.`;
  process.stderr.write(`${new SherdError("SHERD_WRITE_LOST", detail).message}\n`);
  return EXIT.no;
}

interface RunSettings extends Pick<FailoverOptions, "tls" | "credentials"> {
  readonly wholeMsMax: number;
}

/** Writes to every shard, kills a leader, waits until the cluster is whole, again and again; then reads everything back. */
export async function runFailover(
  nodes: LocalNodes,
  kills: number,
  workers: number,
  say: (line: string) => void,
  { wholeMsMax = WHOLE_AGAIN_MS_MAX, tls, credentials }: Partial<RunSettings> = {},
): Promise<FailoverReport> {
  const clientOptions: ClusterOptions = {
    seeds: nodes.list().map(({ addresses }) => ({ host: addresses.host, port: addresses.clusterPort })),
    retryDelayMsMin: RETRY_DELAY_MS,
    retryDelayMsMax: RETRY_DELAY_MS,
    retryMsMax: wholeMsMax,
    connection: { tls, ...credentials },
  };
  const watcher = new ClusterConnections(clientOptions);
  const run = new FailoverRun(nodes, watcher, await shardsOf(watcher), wholeMsMax);
  const writers = startWriters(run, workers, clientOptions);
  try {
    const work = run.killAll(kills, say);
    // A writer that gives up ends the run; otherwise they end when they are told.
    await Promise.race([work, Promise.all(writers.map(({ ended }) => ended)).then(() => work)]);
    for (const { writer } of writers) writer.stop();
    await Promise.all(writers.map(({ ended }) => ended));
    const keys = writers.flatMap(({ writer }) => writer.keys).filter(({ acked }) => acked > 0);
    say(`reading back ${keys.length} keys`);
    return {
      kills: run.kills,
      shards: run.shards.length,
      writers: writers.length,
      acknowledged: keys.reduce((sum, { acked }) => sum + acked, 0),
      failures: sumFailures(writers.map(({ writer }) => writer)),
      keysReadBack: keys.length,
      lost: await readBack(watcher, keys),
    };
  } finally {
    for (const { writer } of writers) writer.stop();
    watcher.destroy();
  }
}

/** The ranges of the map at the beginning. */
async function shardsOf(watcher: ClusterConnections): Promise<Shard[]> {
  await watcher.refresh();
  return watcher.ranges.map(({ from, to }) => ({ name: `${from}-${to}`, from, to }));
}

function startWriters(
  run: FailoverRun,
  workers: number,
  options: ClusterOptions,
): { writer: FailoverWriter; ended: Promise<void> }[] {
  // Every run writes under names of its own: keys of an earlier one would look like losses.
  const name = `failover:${Date.now().toString(36)}`;
  return Array.from({ length: Math.max(workers, run.shards.length) }, (_, at) => {
    const shard = run.shards[at % run.shards.length] as Shard;
    const writer = new FailoverWriter(shard, `${name}:${at}`, run.meterOf(shard), options);
    return { writer, ended: writer.run() };
  });
}

class FailoverRun {
  readonly shards: readonly Shard[];
  readonly kills: Kill[] = [];
  readonly #nodes: LocalNodes;
  readonly #watcher: ClusterConnections;
  readonly #wholeMsMax: number;
  readonly #meters = new Map<string, GapMeter>();

  constructor(nodes: LocalNodes, watcher: ClusterConnections, shards: readonly Shard[], wholeMsMax: number) {
    this.#wholeMsMax = wholeMsMax;
    this.#nodes = nodes;
    this.#watcher = watcher;
    this.shards = shards;
    for (const shard of shards) this.#meters.set(shard.name, new GapMeter());
  }

  meterOf(shard: Shard): GapMeter {
    return this.#meters.get(shard.name) as GapMeter;
  }

  async killAll(kills: number, say: (line: string) => void): Promise<void> {
    await this.#untilWhole("before the first kill");
    for (let i = 1; i <= kills; i += 1) {
      const kill = await this.#killOne();
      this.kills.push(kill);
      const gap = Math.max(...Object.values(kill.ledGapsMs)).toFixed(0);
      const led = Object.keys(kill.ledGapsMs).length;
      say(
        `kill ${i} of ${kills}: ${kill.node}, leader of ${led} shards: longest gap ${gap} ms, whole after ${kill.wholeAfterMs.toFixed(0)} ms`,
      );
    }
  }

  async #killOne(): Promise<Kill> {
    const { node, led } = await this.#chooseLeader();
    for (const meter of this.#meters.values()) meter.begin();
    const killedMs = performance.now();
    await this.#nodes.kill(node);
    await this.#untilWhole(`after ${node.name} was killed`, node);
    const nowMs = performance.now();
    const gapsOf = (shards: readonly Shard[]): Record<string, number> =>
      Object.fromEntries(shards.map((shard) => [shard.name, this.meterOf(shard).longest(nowMs)]));
    return {
      node: node.name,
      ledGapsMs: gapsOf(led),
      otherGapsMs: gapsOf(this.shards.filter((shard) => !led.includes(shard))),
      wholeAfterMs: nowMs - killedMs,
    };
  }

  /** Of the nodes that lead, the one that has run longest: so that all take their turn. */
  async #chooseLeader(): Promise<{ node: LocalNode; led: Shard[] }> {
    await this.#watcher.refresh();
    const candidates = this.#nodes
      .list()
      .map((node) => ({ node, led: this.shards.filter((shard) => this.#leads(node, shard)) }))
      .filter(({ led }) => led.length > 0)
      .sort((left, right) => left.node.startedAtMs - right.node.startedAtMs);
    const chosen = candidates[0];
    if (chosen === undefined) {
      throw new SherdError(
        "SHERD_LOCAL_CLUSTER",
        "No node of this data directory leads a shard of the cluster that answers.",
      );
    }
    return chosen;
  }

  #leads(node: LocalNode, shard: Shard): boolean {
    const range = this.#watcher.ranges.find(({ from, to }) => from <= shard.from && shard.from <= to);
    return range?.leader.port === node.addresses.clusterPort && range.leader.host === node.addresses.host;
  }

  /** Every node is ready, the killed one as a new process, and after that every shard has acknowledged a write. */
  async #untilWhole(when: string, killed?: LocalNode): Promise<void> {
    const deadlineMs = performance.now() + this.#wholeMsMax;
    const look = async (missing: () => Promise<string | undefined>): Promise<void> => {
      for (;;) {
        const reason = await missing();
        if (reason === undefined) return;
        if (performance.now() > deadlineMs) {
          throw new SherdError("SHERD_NOT_WHOLE", `${this.#wholeMsMax / 1000} s ${when}: ${reason}.`);
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
      }
    };
    await look(() => this.#notReady(killed));
    const before = new Map([...this.#meters].map(([name, meter]) => [name, meter.acks]));
    await look(async () => {
      const silent = this.shards.find((shard) => this.meterOf(shard).acks === before.get(shard.name));
      return silent === undefined ? undefined : `slots ${silent.name} acknowledge no write`;
    });
  }

  async #notReady(killed: LocalNode | undefined): Promise<string | undefined> {
    for (const node of this.#nodes.list()) {
      if (node.name === killed?.name && node.pid === killed.pid) return `${node.name} was not started again`;
      if (!(await this.#nodes.isReady(node))) return `${node.name} is not ready`;
    }
    return undefined;
  }
}

async function readBack(watcher: ClusterConnections, keys: readonly WrittenKey[]): Promise<LostWrite[]> {
  const lost: LostWrite[] = [];
  for (let at = 0; at < keys.length; at += VERIFY_BATCH) {
    const batch = keys.slice(at, at + VERIFY_BATCH);
    const verdicts = await Promise.all(
      batch.map(async (written) => judge(written, await readNumber(watcher, written.key))),
    );
    lost.push(...verdicts.filter((verdict) => verdict !== undefined));
  }
  return lost;
}

async function readNumber(watcher: ClusterConnections, key: string): Promise<number | null> {
  const bytes = Buffer.from(key);
  const reply = await watcher.call(bytes, ["GET", bytes]);
  if (reply === null) return null;
  if (reply instanceof Uint8Array) return decodeNumber(reply);
  throw new SherdError(
    "SHERD_OPERATION_FAILED",
    `Reading ${key} back failed: ${reply instanceof RespError ? reply.message : "the reply is no value"}.`,
  );
}

function sumFailures(writers: readonly FailoverWriter[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { failures } of writers) {
    for (const [kind, times] of failures) sums[kind] = (sums[kind] ?? 0) + times;
  }
  return sums;
}

function formatSpread(name: string, values: Spread | null): string {
  if (values === null) return `${name}: none`;
  const { count, min, median, max } = values;
  return `${name}: min ${min.toFixed(0)}, median ${median.toFixed(0)}, max ${max.toFixed(0)} ms (${count})`;
}

export function formatFailover(report: FailoverReport, machine: Machine): string {
  const summary = summarizeKills(report.kills);
  const failures = Object.entries(report.failures).map(([kind, times]) => `${kind} ${times}`);
  const lines = [
    `${report.kills.length} kills (SIGKILL) of leaders, ${report.writers} writers on ${report.shards} shards`,
    `${machine.cores} x ${machine.cpu}, ${machine.platform}, Node ${machine.node}, load average ${machine.loadAverage}`,
    "",
    formatSpread("longest gap between acknowledged writes, shards that lost their leader", summary.ledGapsMs),
    formatSpread("the same, all other shards", summary.otherGapsMs),
    formatSpread("until the cluster was whole again", summary.wholeAfterMs),
    "",
    `writes that failed or whose outcome is unknown: ${failures.length === 0 ? "none" : failures.join(", ")}`,
    `${report.acknowledged} acknowledged writes in ${report.keysReadBack} keys read back: ${report.lost.length === 0 ? "none lost" : `${report.lost.length} KEYS LOST WRITES`}`,
  ];
  for (const { key, acked, found } of report.lost)
    lines.push(`  ${key}: acknowledged ${acked}, found ${found ?? "nothing"}`);
  return `${lines.join("\n")}\n`;
}
