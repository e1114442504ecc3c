import { expect, test } from "vitest";
import { DELETED, DELETED_NOTHING, DELETED_UNTOLD, MISSING, STORED } from "../target/types.ts";
import { Statistics } from "./statistics.ts";

test("percentiles of a known distribution, per operation and over all", () => {
  const statistics = new Statistics();
  // 1 ms to 1000 ms, once each: the 99th percentile is 990 ms.
  for (let ms = 1; ms <= 1_000; ms += 1) statistics.record("put", STORED, 5, 5 + ms);
  statistics.record("get", MISSING, 0, 2_000);
  const { operations, all } = statistics.summary(10_000);
  const latency = operations.put.latencyMs;
  expect(operations.put).toMatchObject({ count: 1_000, perSecond: 100 });
  for (const [value, wanted] of [
    [latency?.p50, 500],
    [latency?.p95, 950],
    [latency?.p99, 990],
    [latency?.p999, 999],
    [latency?.max, 1_000],
  ] as const) {
    // Three significant digits are kept.
    expect(Math.abs((value ?? 0) - wanted)).toBeLessThanOrEqual(wanted / 1_000);
  }
  expect(all.count).toBe(1_001);
  expect(all.latencyMs?.max).toBeCloseTo(2_000, -1);
});

test("no percentile lies above the largest value", () => {
  const statistics = new Statistics();
  for (const ms of [647.111, 647.213, 647.537]) statistics.record("put", STORED, 0, ms);
  const { latencyMs } = statistics.summary(1).all;
  expect(latencyMs?.p999).toBe(latencyMs?.max);
});

test("failures are counted by kind, and in no latency", () => {
  const statistics = new Statistics();
  const failed = (kind: string): void =>
    statistics.record("get", { type: "failed", kind, text: `${kind} it is` }, 0, 60_000);
  for (const kind of ["CLUSTERDOWN", "MOVED", "MOVED"]) failed(kind);
  statistics.record("get", MISSING, 0, 1);
  const summary = statistics.summary(1_000);
  expect(Object.entries(summary.errors)).toEqual([
    ["MOVED", 2],
    ["CLUSTERDOWN", 1],
  ]);
  expect(summary.errorCount).toBe(3);
  expect(summary.all).toMatchObject({ count: 1, perSecond: 1 });
  expect(summary.all.latencyMs?.max).toBeCloseTo(1, 2);
  expect(statistics.answered).toBe(4);
  expect(statistics.firstError).toBe("CLUSTERDOWN it is");
});

test("hits are counted; where the protocol does not tell, nothing is claimed", () => {
  const statistics = new Statistics();
  statistics.record("get", { type: "value", bytes: new Uint8Array(1) }, 0, 1);
  statistics.record("get", MISSING, 0, 1);
  statistics.record("delete", DELETED, 0, 1);
  statistics.record("delete", DELETED_NOTHING, 0, 1);
  expect(statistics.summary(1).operations).toMatchObject({
    put: { count: 0, found: null, latencyMs: null },
    get: { count: 2, found: 1 },
    delete: { count: 2, found: 1 },
  });
  statistics.record("delete", DELETED_UNTOLD, 0, 1);
  expect(statistics.summary(1).operations.delete.found).toBeNull();
});

test("a latency beyond the histogram's end is kept at its end", () => {
  const statistics = new Statistics();
  statistics.record("put", STORED, 0, 10 * 60_000);
  expect(statistics.summary(1).all.latencyMs?.max).toBeCloseTo(120_000, -3);
});
