import { expect, test } from "vitest";
import { runSeed } from "../run.ts";
import { bugs } from "./index.ts";

/** Seeds that a bug may take to be found, from the one on that found it first. */
const SEEDS_MAX = 40n;

for (const { name, what, sabotage, foundBySeed } of bugs) {
  test(`the simulation finds it when ${what} (${name})`, { timeout: 120_000 }, () => {
    for (let seed = foundBySeed; seed < foundBySeed + SEEDS_MAX; seed += 1n) {
      const { violation } = runSeed({ seed, steps: 1_000, nodes: 3, shards: 2, sabotage });
      if (violation !== undefined) return;
    }
    expect.unreachable(`not found by ${SEEDS_MAX} seeds`);
  });
}
