import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Cluster } from "./cluster.ts";

export interface Series {
  readonly command: "set" | "get";
  readonly connections: number;
  readonly pipeline: number;
  readonly operations: number;
}

/** redis-benchmark writes one key per node unless it is told to draw them. */
export type Keys = "one per slot" | "100,000 random";

export interface Measured {
  readonly series: Series;
  readonly keys: Keys;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly nodeCpuMicrosPerOperation: number;
}

const VALUE_BYTES = 80;
const run = promisify(execFile);

export async function redisBenchmark(cluster: Cluster, series: Series, keys: Keys): Promise<Measured> {
  const cpuBefore = cluster.cpuSeconds();
  const { stdout } = await run("redis-benchmark", [
    "--cluster",
    "-p",
    String(cluster.clusterPort),
    "-t",
    series.command,
    "-c",
    String(series.connections),
    "-P",
    String(series.pipeline),
    "-n",
    String(series.operations),
    "-d",
    String(VALUE_BYTES),
    ...(keys === "one per slot" ? [] : ["-r", "100000"]),
    "--csv",
  ]);
  const cpuSeconds = cluster.cpuSeconds() - cpuBefore;
  // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
  const line = stdout.split("\n").find((candidate) => candidate.startsWith(`"${series.command.toUpperCase()}"`));
  if (line === undefined) throw new Error(`redis-benchmark gave no result: ${stdout}`);
  const fields = line.split(",").map((field) => Number(field.replaceAll('"', "")));
  return {
    series,
    keys,
    perSecond: fields[1] as number,
    p50Ms: fields[4] as number,
    p99Ms: fields[6] as number,
    nodeCpuMicrosPerOperation: (cpuSeconds * 1e6) / series.operations,
  };
}
