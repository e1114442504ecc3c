import { MARGIN_MS } from "./limits.ts";
import type { ChaosOptions } from "./options.ts";
import { type ChaosResult, faultCounts, faultsDuring } from "./run.ts";

const HISTORY_SHOWN = 60;

/** The summary of a run, a line each. */
export function report(options: ChaosOptions, result: ChaosResult): string[] {
  const lines = ["", `${(result.tookMs / 1000).toFixed(1)} s, ${result.operations} operations on ${result.keys} keys`];
  lines.push(`outcomes    ${list(result.counts)}`);
  lines.push(`reasons     ${list(result.reasons)}`);
  lines.push(`faults      ${list(faultCounts(result.injected))}`);
  for (const [shard, gap] of result.longestGaps.entries()) {
    const during = faultsDuring(result.injected, gap).join("; ") || "no fault";
    const at = `at ${(gap.fromMs / 1000).toFixed(1)} s`;
    lines.push(`shard ${shard + 1}     longest without a write ${seconds(gap.ms)} ${at} (${during})`);
  }
  if (result.servedAgainMs !== undefined) lines.push(`served again ${seconds(result.servedAgainMs)} after the faults`);
  const { verdicts } = result;
  if (verdicts === undefined) lines.push("histories   not checked");
  else {
    const { linearizable, undecided, broken } = verdicts;
    lines.push(`histories   ${linearizable} linearizable, ${undecided} undecided, ${broken.length} BROKEN`);
  }
  for (const what of result.skipped) lines.push(`SKIPPED     ${what}`);
  return [...lines, ...verdict(options, result)];
}

function verdict(options: ChaosOptions, result: ChaosResult): string[] {
  const { failure, interrupted, verdicts, kept } = result;
  if (interrupted) return ["", "interrupted"];
  if (failure === undefined) return ["", `seed ${options.seed}: every promise was kept`];
  const lines = ["", `SEED ${options.seed} FAILED: ${failure.message}`];
  for (const { key, at, lines: history } of verdicts?.broken ?? []) {
    const from = Math.max(0, at - HISTORY_SHOWN / 2);
    lines.push("", `${key} (began .. ended, ms; ! is what nothing explains):`);
    lines.push(...history.slice(from, from + HISTORY_SHOWN));
  }
  if (kept !== undefined) lines.push("", `logs, data, faults and whole histories: ${kept}`);
  lines.push(`the same faults again: ${again(options)}`);
  return lines;
}

/** A run is over within this time, in minutes. */
export const minutesMax = (minutes: number): number => Math.ceil(minutes + MARGIN_MS / 60_000);

function again({ seed, minutes, rounds, faults, nodes, shards, replicas, clients }: ChaosOptions): string {
  const length = `--minutes ${minutes}${Number.isFinite(rounds) ? ` --rounds ${rounds}` : ""}`;
  const shape = `--nodes ${nodes} --shards ${shards} --replicas ${replicas} --clients ${clients}`;
  return `npm run chaos -- --seed ${seed} ${length} --faults ${faults.join(",")} ${shape}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

function list(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([left], [right]) => (left < right ? -1 : 1));
  return sorted.map(([name, count]) => `${name} ${count}`).join(", ") || "none";
}
