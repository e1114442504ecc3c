import { expect, test } from "vitest";
import { MapTarget } from "../testing/fake-stores.ts";
import { type LoadPlan, runLoad } from "./load.ts";
import { PRESETS } from "./workload.ts";

const plan: LoadPlan = {
  workload: { ...PRESETS.hits, loadedKeys: 100, keyBytes: { min: 30, max: 50 }, valueBytes: { min: 60, max: 100 } },
  iterations: 500,
  warmup: 50,
  pipeline: 1,
  seed: 1,
};

const silent = { onPhase: () => {}, onProgress: () => {} };

test("phases follow each other; only the last is measured", async () => {
  const targets = [new MapTarget(), new MapTarget(), new MapTarget()];
  const phases: [string, number][] = [];
  let progress = 0;
  const { statistics, elapsedMs } = await runLoad(targets, plan, {
    onPhase: (phase, operations) => phases.push([phase, operations]),
    onProgress: (operations) => {
      progress = operations;
    },
  });
  expect(phases).toEqual([
    ["load", 102],
    ["warm-up", 150],
    ["measure", 1_500],
  ]);
  expect(progress).toBe(1_500);
  expect(elapsedMs).toBeGreaterThan(0);
  expect(statistics.summary(elapsedMs).all.count).toBe(1_500);
  for (const target of targets) {
    expect(target.operations).toHaveLength(34 + 50 + 500);
    expect(target.operations.slice(0, 34).every(({ name }) => name === "put")).toBe(true);
  }
});

test("hits really hit, and original really misses", async () => {
  const run = async (preset: "hits" | "original"): Promise<(number | null)[]> => {
    const workload = { ...plan.workload, ...PRESETS[preset] };
    const { statistics, elapsedMs } = await runLoad([new MapTarget()], { ...plan, workload }, silent);
    const { get } = statistics.summary(elapsedMs).operations;
    return [get.found, get.count];
  };
  const [found, count] = await run("hits");
  expect(found).toBe(count);
  expect((await run("original"))[0]).toBe(0);
});

test("a pipeline sends its batch at once and waits for all of it", async () => {
  let open = 0;
  let most = 0;
  const target = new MapTarget();
  const put = target.put.bind(target);
  target.put = (key, value, done) => {
    open += 1;
    most = Math.max(most, open);
    put(key, value, (answer) => {
      open -= 1;
      done(answer);
    });
  };
  const workload = { ...plan.workload, loadedKeys: 0, mix: { put: 1, get: 0, delete: 0 } };
  await runLoad([target], { ...plan, workload, warmup: 0, iterations: 50, pipeline: 16 }, silent);
  expect(most).toBe(16);
  expect(target.operations).toHaveLength(50);
});

test("errors are counted and the run goes on", async () => {
  const target = new MapTarget((_, nth) =>
    nth % 10 === 0 ? { type: "failed", kind: "BUSY", text: "BUSY" } : undefined,
  );
  const workload = { ...plan.workload, loadedKeys: 0 };
  const { statistics } = await runLoad([target], { ...plan, workload, warmup: 0 }, silent);
  expect(statistics.summary(1)).toMatchObject({ errors: { BUSY: 50 }, all: { count: 450 } });
});

test("keys that cannot be loaded end the run: figures of hits would be wrong", async () => {
  const target = new MapTarget(() => ({ type: "failed", kind: "READONLY", text: "READONLY no" }));
  await expect(runLoad([target], plan, silent)).rejects.toThrow(/SHERD_OPERATION_FAILED.*READONLY no/);
});
