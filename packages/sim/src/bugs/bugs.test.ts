import { expect, test } from "vitest";
import { runSeed } from "../run.ts";
import { bugs } from "./index.ts";

/** Seeds that a bug may take to be found. Chosen with room: most are found by one of the first three. */
const SEEDS_MAX = 40;

for (const { name, what, sabotage } of bugs) {
  test(`the simulation finds it when ${what} (${name})`, { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
      const { violation } = runSeed({ seed: BigInt(seed), steps: 1_500, nodes: 3, shards: 2, sabotage });
      if (violation === undefined) continue;
      console.log(`${name}: seed ${seed}: ${violation.promise}`);
      return;
    }
    expect.unreachable(`not found by ${SEEDS_MAX} seeds`);
  });
}
