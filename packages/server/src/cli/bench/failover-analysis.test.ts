import fc from "fast-check";
import { expect, test } from "vitest";
import { GapMeter, judge, type Kill, spread, summarizeKills } from "./failover-analysis.ts";

test("the gap of a kill counts from the last acknowledgement before it", () => {
  const meter = new GapMeter();
  for (const ms of [0, 10, 500, 510]) meter.ack(ms);
  meter.begin();
  // killed at 512; the first write that succeeds comes at 910
  meter.ack(910);
  meter.ack(915);
  expect(meter.longest(920)).toBe(400);
  expect(meter.acks).toBe(6);
});

test("a gap that is still open counts up to now", () => {
  const meter = new GapMeter();
  meter.ack(100);
  meter.begin();
  expect(meter.longest(1_100)).toBe(1_000);
  expect(new GapMeter().longest(1_100)).toBe(0);
});

test("the longest gap is that of the sorted times, whatever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 10_000 }), { minLength: 2 }), (times) => {
      const sorted = times.toSorted((left, right) => left - right);
      const meter = new GapMeter();
      for (const ms of sorted) meter.ack(ms);
      const gaps = sorted.slice(1).map((ms, at) => ms - (sorted[at] as number));
      expect(meter.longest(sorted.at(-1) as number)).toBe(Math.max(...gaps));
    }),
  );
});

const written = (acked: number, attempted: number) => ({ key: "k", acked, attempted });

test.each([
  [written(7, 7), 7],
  [written(7, 8), 7],
  [written(7, 8), 8],
  [written(0, 1), null],
  [written(0, 1), 1],
])("%j may hold %s", (key, found) => {
  expect(judge(key, found)).toBeUndefined();
});

test.each([
  [written(7, 8), null],
  [written(7, 8), 6],
  [written(7, 7), 8],
  [written(7, 8), 9],
  [written(0, 1), 2],
])("%j must not hold %s", (key, found) => {
  expect(judge(key, found)).toEqual({ key: "k", acked: key.acked, found });
});

test("a spread of an even and an odd count, and of nothing", () => {
  expect(spread([3, 1, 2])).toEqual({ count: 3, min: 1, median: 2, max: 3 });
  expect(spread([4, 1, 2, 3])).toEqual({ count: 4, min: 1, median: 2.5, max: 4 });
  expect(spread([])).toBeNull();
});

test("kills are summed up over the shards that lost their leader, and over the others", () => {
  const kill = (led: Record<string, number>, other: Record<string, number>, wholeAfterMs: number): Kill => ({
    node: "node-1",
    ledGapsMs: led,
    otherGapsMs: other,
    wholeAfterMs,
  });
  expect(summarizeKills([kill({ a: 300, b: 500 }, { c: 5 }, 900), kill({ a: 700 }, { b: 1, c: 2 }, 1_100)])).toEqual({
    ledGapsMs: { count: 3, min: 300, median: 500, max: 700 },
    otherGapsMs: { count: 3, min: 1, median: 2, max: 5 },
    wholeAfterMs: { count: 2, min: 900, median: 1_000, max: 1_100 },
  });
});
