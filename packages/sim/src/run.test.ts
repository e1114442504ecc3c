import { expect, test } from "vitest";
import { runSeed } from "./run.ts";

const small = { steps: 300, nodes: 3, shards: 2 };
/** A history that the checker gives up shows nothing. */
const SOUND = { violation: undefined, undecided: 0 };

test("a seed is a whole run: the same seed leaves the same trace, another seed another one", {
  timeout: 240_000,
}, () => {
  const first = runSeed({ ...small, seed: 11n });
  const second = runSeed({ ...small, seed: 11n });
  const other = runSeed({ ...small, seed: 12n });
  expect(first).toMatchObject(SOUND);
  expect(second.hash).toBe(first.hash);
  expect(second.virtualMs).toBe(first.virtualMs);
  expect(other.hash).not.toBe(first.hash);
});

test("one node alone keeps what it acknowledged", { timeout: 240_000 }, () => {
  for (let seed = 1n; seed <= 5n; seed += 1n) {
    expect(runSeed({ steps: 500, nodes: 1, shards: 3, seed })).toMatchObject(SOUND);
  }
});

test("five nodes", { timeout: 240_000 }, () => {
  for (let seed = 1n; seed <= 3n; seed += 1n) {
    expect(runSeed({ steps: 500, nodes: 5, shards: 3, seed })).toMatchObject(SOUND);
  }
});
