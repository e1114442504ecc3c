import { expect, test } from "vitest";
import { findBug, runSound } from "./find.ts";
import { bugs } from "./index.ts";

/** Seeds that a bug may take to be found, from the one on that found it first. */
const SEEDS_MAX = 40;

for (const bug of bugs) {
  test(`the simulation finds it when ${bug.what} (${bug.name})`, { timeout: 240_000 }, ({ annotate }) => {
    const started = performance.now();
    const found = findBug(bug, bug.foundBySeed, SEEDS_MAX);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (found === undefined) return expect.unreachable(`not found by ${SEEDS_MAX} seeds`);
    // It is the bug that breaks it, not the simulation.
    expect(runSound(bug, found.seed)).toMatchObject({ violation: undefined, undecided: 0 });
    return annotate(`seed ${found.seed}, ${seconds} s: ${found.violation?.promise}`);
  });
}

test("there is at least one of each class", () => {
  expect(bugs.length).toBeGreaterThanOrEqual(15);
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
});
