import { rmSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import type { Caller } from "../../packages/chaos/src/clients/index.ts";
import { MARGIN_MS } from "../../packages/chaos/src/limits.ts";
import type { ChaosOptions } from "../../packages/chaos/src/options.ts";
import { report } from "../../packages/chaos/src/report.ts";
import { type ChaosHooks, type ChaosResult, faultCounts, runChaos } from "../../packages/chaos/src/run.ts";
import { staleOnce } from "../../packages/chaos/src/testing/liars.ts";

const OPTIONS: ChaosOptions = {
  seed: 127n,
  minutes: 1,
  rounds: 3,
  faults: ["kill", "pause"],
  nodes: 3,
  shards: 3,
  replicas: 3,
  clients: 10,
};

/** The runs bound themselves; on a busy machine they take a multiple of their faults. */
const MS_MAX = OPTIONS.minutes * 60_000 + MARGIN_MS;

/** Its summary is printed when the test fails. */
async function run(options: ChaosOptions, hooks: ChaosHooks): Promise<ChaosResult> {
  const result = await runChaos(options, hooks);
  onTestFinished(({ task }) => {
    if (task.result?.state === "fail") console.error(report(options, result).join("\n"));
    else if (result.kept !== undefined) rmSync(result.kept, { recursive: true });
  });
  return result;
}

test(
  "a cluster of real nodes under load keeps its promises through kill -9 and SIGSTOP",
  async () => {
    const result = await run(OPTIONS, { print: () => {} });
    expect(result.failure).toBeUndefined();
    // The schedule of this seed.
    expect(Object.fromEntries(faultCounts(result.injected))).toEqual({ pause: 1, kill: 2 });
    expect(result.verdicts).toMatchObject({ broken: [] });
    expect(result.verdicts?.linearizable).toBeGreaterThanOrEqual(OPTIONS.shards);
    // On a slow machine there may be no time for some: no failure, but never silent.
    const undecided = result.verdicts?.undecided ?? 0;
    if (undecided > 0) console.warn(`UNDECIDED: ${undecided} histories of ${result.keys} were not judged.`);
    expect(result.kept).toBeUndefined();
  },
  MS_MAX,
);

test(
  "one reply that is a lie is found, and everything about it is kept",
  async () => {
    let lied: () => void = () => {};
    const until = new Promise<void>((resolve) => {
      lied = resolve;
    });
    const disguise = (caller: Caller, at: number): Caller => (at === 0 ? staleOnce(caller, lied) : caller);
    const result = await run({ ...OPTIONS, rounds: 1 }, { print: () => {}, disguise, until });
    expect(result.failure).toMatchObject({ promise: "every key is linearizable" });
    expect(result.verdicts?.broken).toHaveLength(1);
    const said = report(OPTIONS, result).join("\n");
    expect(said).toContain("SEED 127 FAILED: every key is linearizable");
    expect(said).toContain(result.kept);
  },
  MS_MAX,
);
