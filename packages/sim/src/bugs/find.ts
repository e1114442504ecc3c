import { type RunOptions, type RunResult, runSeed } from "../run.ts";
import type { Bug } from "./bugs.ts";

/** The size of the runs in which bugs are looked for: a larger one would find most of them at its first seed. */
const RUN = { steps: 1_000, nodes: 3, shards: 2 } as const;

const optionsOf = (bug: Bug, seed: bigint): RunOptions => ({ ...RUN, seed, profile: bug.profile });

/** The first run from this seed on that breaks a promise; undefined: none of so many does. */
export function findBug(bug: Bug, from: bigint, seedsMax: number): RunResult | undefined {
  for (let seed = from; seed < from + BigInt(seedsMax); seed += 1n) {
    const result = runSeed({ ...optionsOf(bug, seed), sabotage: bug.make() });
    if (result.violation !== undefined) return result;
  }
  return undefined;
}

/** The same run of a store without the bug. */
export const runSound = (bug: Bug, seed: bigint): RunResult => runSeed(optionsOf(bug, seed));
