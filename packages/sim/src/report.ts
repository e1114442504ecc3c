import type { RunResult } from "./run.ts";
import type { Coverage } from "./world/index.ts";

const EVENTS_SHOWN = 60;

export function printFailure(result: RunResult): void {
  const { seed, violation, lastEvents, history } = result;
  console.error(`\nSeed ${seed} breaks a promise: ${violation?.promise}`);
  console.error(violation?.detail);
  if (violation?.cause instanceof Error) console.error(violation.cause.stack);
  console.error("\nThe last events:");
  for (const line of lastEvents.slice(-EVENTS_SHOWN)) console.error(`  ${line}`);
  if (history.length > 0) {
    console.error("\nThe key's history (began .. ended, ms):");
    for (const line of history) console.error(`  ${line}`);
  }
  console.error(`\nRepeat: npm run sim -- --seed ${seed}`);
}

export interface Totals {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly operations: number;
  readonly undecided: number;
}

export function printSummary(totals: Totals, coverage: Coverage): void {
  const { seeds, virtualMs, operations, undecided } = totals;
  console.log("\nWhat happened:");
  for (const [what, count] of coverage.entries()) console.log(`  ${String(count).padStart(9)}  ${what}`);
  const hours = (virtualMs / 3_600_000).toFixed(2);
  console.log(`\nsim: ${seeds} seeds, ${hours} virtual hours, ${operations} operations, no promise broken.`);
  if (undecided > 0) console.log(`Undecided: the histories of ${undecided} keys were too entangled for the checker.`);
}
