import { bugByName } from "./bugs/index.ts";
import type { Job, Outcome } from "./jobs.ts";
import { failureReport } from "./report.ts";
import { type RunOptions, type RunResult, runSeed } from "./run.ts";

export function optionsOf(job: Job): RunOptions {
  const bug = job.bug === undefined ? undefined : bugByName(job.bug);
  return {
    seed: BigInt(job.seed),
    steps: job.steps,
    nodes: job.nodes,
    shards: job.shards,
    profile: job.profile,
    ...(bug === undefined ? {} : { sabotage: bug.make() }),
    ...(job.onlyFaults === undefined ? {} : { onlyFaults: new Set(job.onlyFaults) }),
  };
}

/** The arguments of the command line that run the same again. */
export function commandOf(job: Job): string {
  const words = ["npm run sim -- --seed", job.seed, "--steps", job.steps, "--nodes", job.nodes, "--shards", job.shards];
  if (job.profile !== undefined) words.push("--profile", job.profile);
  if (job.bug !== undefined) words.push("--bug", job.bug);
  if (job.onlyFaults !== undefined)
    words.push("--faults", job.onlyFaults.length === 0 ? "none" : job.onlyFaults.join());
  return words.join(" ");
}

export function outcomeOf(job: Job, result: RunResult): Outcome {
  const { hash, virtualMs, operations, undecided, coverage, violation } = result;
  return {
    seed: job.seed,
    hash,
    virtualMs,
    operations,
    undecided,
    coverage: coverage.entries(),
    failure:
      violation === undefined
        ? undefined
        : { promise: violation.promise, report: failureReport(result, commandOf(job)) },
  };
}

export const runJob = (job: Job): Outcome => outcomeOf(job, runSeed(optionsOf(job)));
