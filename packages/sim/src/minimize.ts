import { commandOf, optionsOf } from "./job.ts";
import type { Job } from "./jobs.ts";
import { type RunResult, runSeed } from "./run.ts";

/** Runs that a search may take. */
const RUNS_MAX = 200;

/**
 * The fewest faults of a failing run that still break the same promise, as far as leaving some out finds them (ddmin:
 * ever smaller parts are left out, for as long as the rest still fails). Faults do not depend on each other, so what is
 * left happens as it did.
 */
export function minimize(job: Job, failed: RunResult, say: (line: string) => void): { job: Job; result: RunResult } {
  let best = { job: { ...job, onlyFaults: failed.faults.map(({ ordinal }) => ordinal) }, result: failed };
  // What `best` was found with: more faults, of which some had nothing to break.
  let tried: { job: Job; result: RunResult } = { job, result: failed };
  let parts = 2;
  for (let runs = 0; runs < RUNS_MAX && best.job.onlyFaults.length > 0; ) {
    const kept = best.job.onlyFaults;
    const size = Math.ceil(kept.length / parts);
    let smaller: typeof best | undefined;
    for (let from = 0; from < kept.length && smaller === undefined && runs < RUNS_MAX; from += size) {
      const candidate = { ...job, onlyFaults: kept.toSpliced(from, size) };
      const result = runSeed(optionsOf(candidate));
      runs += 1;
      if (result.violation?.promise !== failed.violation?.promise) continue;
      tried = { job: candidate, result };
      // What came behind the end of the run, or had nothing to break, did nothing but leave its trace.
      smaller = { job: { ...candidate, onlyFaults: result.faults.map(({ ordinal }) => ordinal) }, result };
    }
    if (smaller !== undefined) {
      best = smaller;
      parts = Math.max(2, parts - 1);
      say(`${best.job.onlyFaults.length} faults still break it (${runs} runs)`);
    } else if (size === 1) {
      break;
    } else {
      parts = Math.min(kept.length, parts * 2);
    }
  }
  const again = runSeed(optionsOf(best.job));
  const same = again.violation?.promise === failed.violation?.promise;
  const least = same ? { job: best.job, result: again } : tried;
  say(`Smallest: ${commandOf(least.job)}`);
  return least;
}
