import { expect, test } from "vitest";
import { optionsOf } from "./job.ts";
import type { Job } from "./jobs.ts";
import { minimize } from "./minimize.ts";
import { failureReport, timeline } from "./report.ts";
import { runSeed } from "./run.ts";

const job: Job = {
  seed: "1",
  steps: 600,
  nodes: 3,
  shards: 2,
  profile: "crashes",
  bug: "log-tail-lost",
  onlyFaults: undefined,
};

test("the faults of a failing run are reduced to those that it needs, and the command repeats it", {
  timeout: 120_000,
}, () => {
  const failed = runSeed(optionsOf(job));
  expect(failed.violation?.promise).toBe("durable means durable");
  const said: string[] = [];
  const least = minimize(job, failed, (line) => said.push(line));
  // Without any fault nothing ends, so nothing can be found missing; one end is enough.
  expect(least.job.onlyFaults).toHaveLength(1);
  const again = runSeed(optionsOf(least.job));
  expect(again.hash).toBe(least.result.hash);
  expect(again.violation?.promise).toBe(failed.violation?.promise);
  expect(said.at(-1)).toContain(
    `--seed 1 --steps 600 --nodes 3 --shards 2 --profile crashes --bug log-tail-lost --faults ${least.job.onlyFaults?.join()}`,
  );
  expect(failureReport(again, "npm run sim -- --seed 1")).toMatch(
    /^Seed 1 breaks a promise: durable means durable\n.*there is term[^]*The last events:[^]*Repeat: {3}npm run sim -- --seed 1/,
  );
});

test("a timeline puts operations among the events, by time", () => {
  const events = ["      1.000 early", "      5.000 fault 1: crash", "     99.000 late"];
  const base = { client: "c1", key: "k", keys: ["k"], behind: [] };
  const history = [
    { ...base, id: 1, kind: "set", value: "a", result: 1, began: 1, beganMs: 4, ended: 2, endedMs: 6, outcome: "done" },
    { ...base, id: 2, kind: "get", result: null, began: 3, beganMs: 7, ended: 4, endedMs: 8, outcome: "done" },
  ] as const;
  expect(timeline(events, history).map((line) => line.replace(/ +/g, " ").trim())).toEqual([
    "4.000 .. 6.000 c1 #1 set a (done) <--",
    "5.000 fault 1: crash",
    "7.000 .. 8.000 c1 #2 get = nothing (done) <--",
  ]);
});
