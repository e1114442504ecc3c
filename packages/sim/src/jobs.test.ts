import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Job, type Outcome, runJobs } from "./jobs.ts";

/** Answers with its process id in place of a trace; ends at seed 13, as one that crashes does. */
const PROGRAM = `
process.on("message", ({ seed }) => {
  if (seed === "13") process.exit(3);
  process.send({ seed, hash: String(process.pid) });
});
process.on("disconnect", () => process.exit(0));
`;

let directory: string;
let program: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sherd-jobs-"));
  program = join(directory, "worker.mjs");
  writeFileSync(program, PROGRAM);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const jobOf = (seed: number): Job => ({
  seed: String(seed),
  steps: 1,
  nodes: 3,
  shards: 1,
  profile: undefined,
  bug: undefined,
  onlyFaults: undefined,
});

/** Seeds from `first` to `last`. */
function seeds(first: number, last: number): () => Job | undefined {
  let seed = first;
  return () => (seed > last ? undefined : jobOf(seed++));
}

const running = (pid: string): boolean => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};

test("each job is done once, by as many processes as there may be, and none of them stays", async () => {
  const outcomes: Outcome[] = [];
  const done = (job: Job, outcome: Outcome): boolean => {
    expect(outcome.seed).toBe(job.seed);
    outcomes.push(outcome);
    return true;
  };
  await runJobs(seeds(20, 59), done, { count: 3, program });
  expect(outcomes.map(({ seed }) => Number(seed)).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 40 }, (_, at) => 20 + at),
  );
  const pids = new Set(outcomes.map(({ hash }) => hash));
  expect(pids.size).toBe(3);
  await expect.poll(() => [...pids].some(running)).toBe(false);
});

test("whoever is told of outcomes may end it: what is under way is finished, and nothing else is begun", async () => {
  let given = 0;
  const next = (): Job => jobOf(100 + given++);
  let told = 0;
  await runJobs(
    next,
    () => {
      told += 1;
      return told < 5;
    },
    { count: 2, program },
  );
  expect(given).toBeLessThanOrEqual(6);
  expect(told).toBe(given);
});

test("a worker that ends by itself fails the whole, with the seed that it was at; the others end", async () => {
  const pids = new Set<string>();
  const done = (_: Job, { hash }: Outcome): boolean => {
    pids.add(hash);
    return true;
  };
  await expect(runJobs(seeds(1, 1_000_000), done, { count: 2, program })).rejects.toThrow(
    "the worker of seed 13 ended: 3",
  );
  expect(pids.size).toBe(2);
  await expect.poll(() => [...pids].some(running)).toBe(false);
});

test("without a job there is no process", async () => {
  await runJobs(
    () => undefined,
    () => true,
    { count: 2, program: "/nowhere" },
  );
});
