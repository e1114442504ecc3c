import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ProcessCluster } from "../cluster/index.ts";
import { type Attack, type Ground, Tally } from "./attack.ts";
import { Bystanders, percentile } from "./bystanders.ts";
import { Dice } from "./dice.ts";
import { forgetPeak, peakMib, processorTicks } from "./proc.ts";

const BYSTANDERS = 12;
const QUIET_MS = 5_000;
/** After the start leaders are spread, and the first requests run code that is not compiled yet: it is not counted. */
const SETTLE_MS = 10_000;

export interface HostileOptions {
  readonly seed: number;
  /** 1: the full attacks. */
  readonly scale: number;
  readonly attacks: readonly Attack[];
}

/** What one attack did. Times in milliseconds, of the bystanders' requests. */
export interface HostileRow {
  readonly name: string;
  readonly what: string;
  readonly tried: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The most memory that the attacked node held. */
  readonly peakMib: number;
  /** Percent of the processors' time that other guests of the host took meanwhile: it makes everybody wait. */
  readonly stolenPercent: number;
}

export interface HostileResult {
  readonly quiet: HostileRow;
  readonly rows: readonly HostileRow[];
  /** What must not have happened. */
  readonly failures: readonly string[];
  /** Bystanders' requests that had to be sent again, by kind of refusal. */
  readonly refused: Readonly<Record<string, number>>;
  /** Writes of bystanders that were acknowledged, and were there at the end. */
  readonly acknowledged: number;
}

/** A cluster of three, bystanders on all nodes, and the attacks one after the other on the first node. */
export async function runHostile(options: HostileOptions, print: (line: string) => void): Promise<HostileResult> {
  const cluster = new ProcessCluster(await ProcessCluster.place());
  try {
    await cluster.startAll();
    const nodes = cluster.file.nodes;
    const [target, other] = nodes;
    if (target === undefined || other === undefined) throw new Error("there are three nodes");
    const bystanders = new Bystanders(nodes, BYSTANDERS);
    const pids = cluster.names.map((name) => cluster.process(name).pid);
    const failures: string[] = [];

    const measure = async (name: string, what: string, run: (tally: Tally) => Promise<void>): Promise<HostileRow> => {
      const pid = cluster.process(target.name).pid;
      forgetPeak(pid);
      bystanders.takeLatencies();
      const tally = new Tally();
      const ticks = processorTicks();
      const begunMs = performance.now();
      await run(tally);
      const seconds = (performance.now() - begunMs) / 1000;
      for (const [at, node] of cluster.names.entries()) {
        if (!cluster.isRunning(node))
          throw new Error(`${name}: ${node} (process ${pids[at]}) ended\n${cluster.output(node)}`);
      }
      await bystanders.verify(other);
      const latencies = bystanders.takeLatencies();
      const ticksAfter = processorTicks();
      const row: HostileRow = {
        name,
        what,
        tried: tally.tried,
        outcomes: Object.fromEntries(tally.outcomes),
        seconds: round(seconds),
        p50Ms: round(percentile(latencies, 0.5)),
        p99Ms: round(percentile(latencies, 0.99)),
        maxMs: round(latencies.at(-1) ?? 0),
        peakMib: peakMib(pid),
        stolenPercent: Math.round((100 * (ticksAfter.stolen - ticks.stolen)) / Math.max(1, ticksAfter.all - ticks.all)),
      };
      for (const failure of tally.failures) failures.push(`${name}: ${failure}`);
      print(
        `${name}: ${row.tried} in ${row.seconds} s, others' p99 ${row.p99Ms} ms, ${row.peakMib} MiB, stolen ${row.stolenPercent} %, ${JSON.stringify(row.outcomes)}`,
      );
      return row;
    };

    await sleep(SETTLE_MS * options.scale);
    const quiet = await measure("nothing", "no attack: what the bystanders see by themselves", () =>
      sleep(QUIET_MS * options.scale),
    );
    const rows: HostileRow[] = [];
    for (const [at, attack] of options.attacks.entries()) {
      const ground: Ground = { target, dice: new Dice(options.seed + at), scale: options.scale };
      rows.push(await measure(attack.name, attack.what, (tally) => attack.run(ground, tally)));
    }
    await bystanders.stop();
    await cluster.killAll();
    await cluster.startAll();
    for (const node of cluster.file.nodes) await bystanders.verify(node);
    failures.push(...bystanders.wrong);
    const refused = Object.fromEntries(bystanders.refused);
    return { quiet, rows, failures, refused, acknowledged: bystanders.acknowledged };
  } finally {
    await cluster.dispose();
  }
}

const round = (value: number): number => Math.round(value * 100) / 100;
