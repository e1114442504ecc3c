import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import type { LoadPlan, LoadResult } from "./load.ts";
import type { OperationSummary, Summary } from "./statistics.ts";
import { OPERATIONS } from "./workload.ts";

/** The machine of the load generator, which is the store's too unless `--host` says otherwise. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  /** Load average over one minute when the run began: other work on the machine falsifies figures. */
  readonly loadAverage: number;
}

export function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryBytes: totalmem(),
    platform: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** The whole of `--json`. */
export interface BenchReport extends Summary {
  readonly version: string;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly target: {
    readonly protocol: string;
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    readonly route: string;
  };
  readonly workers: number;
  readonly plan: LoadPlan;
  readonly generatorUtilization: number;
}

export function makeReport(
  result: LoadResult,
  context: Omit<BenchReport, keyof Summary | "generatorUtilization">,
): BenchReport {
  const { generatorUtilization } = result;
  return { ...context, generatorUtilization, ...result.statistics.summary(result.elapsedMs) };
}

const SATURATED = 0.9;

const count = (value: number): string => Math.round(value).toLocaleString("en");
const range = (value: { min: number; max: number }): string => `${value.min}-${value.max}`;

export function formatReport(report: BenchReport): string {
  const { target, plan, machine } = report;
  const { mix, keyBytes, valueBytes, keyChoice, loadedKeys } = plan.workload;
  const share = OPERATIONS.map((name) => `${name} ${(mix[name] * 100).toFixed(0)} %`).join(", ");
  const lines = [
    `${target.protocol}${target.tls ? " over TLS" : ""} at ${target.host}:${target.port}, ${target.route}`,
    `${count(report.workers)} workers x ${count(plan.iterations)} operations, pipeline ${plan.pipeline}; ${share}; ${keyChoice} keys; ` +
      `keys of ${range(keyBytes)} B, values of ${range(valueBytes)} B; seed ${plan.seed}`,
    `before it, not measured: ${count(loadedKeys)} keys loaded, ${count(plan.warmup)} operations per worker to warm up`,
    `${machine.cores} x ${machine.cpu}, ${machine.platform}, Node ${machine.node}, load average ${machine.loadAverage}`,
    "",
    table(report),
    "",
    `errors: ${formatErrors(report)}`,
    `load generator: ${(report.generatorUtilization * 100).toFixed(0)} % busy`,
  ];
  if (report.generatorUtilization > SATURATED) {
    lines.push("  It was the bottleneck: the store can do more, and the latencies include waiting in the generator.");
  }
  return `${lines.join("\n")}\n`;
}

function formatErrors(report: Summary): string {
  const entries = Object.entries(report.errors);
  return entries.length === 0 ? "none" : entries.map(([kind, times]) => `${kind} ${count(times)}`).join(", ");
}

const COLUMNS = ["", "count", "ops/s", "found", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "max ms"];

function table(report: Summary): string {
  const rows = [COLUMNS];
  for (const name of OPERATIONS) rows.push(row(name, report.operations[name]));
  rows.push(row("all", report.all));
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows
    .map((cells) =>
      cells
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function row(name: string, summary: OperationSummary): string[] {
  const found = summary.found === null || name === "put" || name === "all" ? "" : count(summary.found);
  const latency = summary.latencyMs;
  const times = latency === null ? [] : [latency.p50, latency.p95, latency.p99, latency.p999, latency.max];
  return [name, count(summary.count), count(summary.perSecond), found, ...times.map((ms) => ms.toFixed(2))];
}
