/**
 * Three nodes on this machine, 5 shards × 3 replicas, every write synced on a majority, under redis-benchmark (Debian:
 * redis-tools) on the cluster ports; and the disk alone, in the same run, as the yardstick.
 *
 *   npm run bench -- cluster [--scale 1] [--record FILE] [--data DIR]
 *
 * Load generator and nodes share the machine's processors, so the figures are those of the whole machine. CPU seconds of
 * the nodes are given beside the rates: they vary less than the rates do on a shared machine.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine } from "../machine.ts";
import { Cluster } from "./cluster.ts";
import { syncLatency } from "./disk.ts";
import { type Measured, redisBenchmark, type Series } from "./redis-benchmark.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    record: { type: "string" },
    data: { type: "string" },
  },
});

/** Enough operations for redis-benchmark, which ends on ticks of 250 ms, to be off by little. */
const scale = Number(values.scale);
const many = (count: number): number => Math.max(1_000, Math.round(count * scale));
const SERIES: readonly Series[] = [
  { command: "set", connections: 1, pipeline: 1, operations: many(8_000) },
  { command: "get", connections: 1, pipeline: 1, operations: many(40_000) },
  { command: "set", connections: 64, pipeline: 1, operations: many(300_000) },
  { command: "get", connections: 64, pipeline: 1, operations: many(600_000) },
  { command: "set", connections: 256, pipeline: 1, operations: many(400_000) },
  { command: "get", connections: 256, pipeline: 1, operations: many(800_000) },
  { command: "set", connections: 64, pipeline: 16, operations: many(1_000_000) },
  { command: "get", connections: 64, pipeline: 16, operations: many(3_000_000) },
];

const data = values.data ?? mkdtempSync(join(tmpdir(), "sherd-bench-"));
const cluster = await Cluster.start(join(data, "cluster"));
try {
  // The first runs measure the compiler of the runtime: they are not counted.
  for (const command of ["set", "get"] as const) {
    await redisBenchmark(cluster, { command, connections: 64, pipeline: 1, operations: many(200_000) }, "one per slot");
  }
  const before = await syncLatency(data);
  const measured: Measured[] = [];
  for (const keys of ["one per slot", "100,000 random"] as const) {
    for (const series of SERIES) {
      const one = await redisBenchmark(cluster, series, keys);
      measured.push(one);
      process.stdout.write(`${row(one)}\n`);
    }
  }
  const after = await syncLatency(data);
  const report = {
    when: new Date().toISOString(),
    machine: machine(),
    readyMs: cluster.readyMs,
    fdatasyncMs: { before, after },
    measured,
  };
  process.stdout.write(`fdatasync of 160 appended bytes: p50 ${before.p50} ms before, ${after.p50} ms after\n`);
  process.stdout.write(`ready ${cluster.readyMs} ms after the start\n`);
  if (values.record !== undefined) writeFileSync(values.record, `${JSON.stringify(report, undefined, 2)}\n`);
} finally {
  await cluster.stop();
  if (values.data === undefined) rmSync(data, { recursive: true });
}

function row(one: Measured): string {
  const { series } = one;
  const name = `${series.command.toUpperCase()} ${series.connections} connections, pipeline ${series.pipeline}, ${one.keys}`;
  const cpu = `${one.nodeCpuMicrosPerOperation.toFixed(1)} µs of the nodes' CPU each`;
  return `${name.padEnd(56)} ${String(Math.round(one.perSecond)).padStart(8)}/s  p50 ${one.p50Ms} ms  ${cpu}`;
}
