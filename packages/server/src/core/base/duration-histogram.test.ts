import fc from "fast-check";
import { expect, test } from "vitest";
import { DurationHistogram } from "./duration-histogram.ts";

const durations = fc.array(fc.oneof(fc.nat(300), fc.nat(0xffff_ffff), fc.nat(2 ** 20)), { minLength: 1 });

test("counts below a power of two are exact", () => {
  fc.assert(
    fc.property(durations, fc.nat(32), (list, exponent) => {
      const histogram = new DurationHistogram();
      for (const us of list) histogram.record(us);
      expect(histogram.below(exponent)).toBe(list.filter((us) => us < 2 ** exponent).length);
    }),
  );
});

test("a quantile is never below the true one, and at most a quarter above", () => {
  fc.assert(
    fc.property(durations, fc.double({ min: 0, max: 1, noNaN: true }), (list, part) => {
      const histogram = new DurationHistogram();
      for (const us of list) histogram.record(us);
      const sorted = [...list].sort((left, right) => left - right);
      const truth = sorted[Math.max(1, Math.ceil(part * list.length)) - 1] as number;
      expect(histogram.quantileUs(part)).toBeGreaterThanOrEqual(truth);
      expect(histogram.quantileUs(part)).toBeLessThanOrEqual(truth * 1.25);
    }),
  );
});

test("sums and the longest", () => {
  const histogram = new DurationHistogram();
  for (const us of [0, 3, 1_000, 2 ** 40]) histogram.record(us);
  expect([histogram.count, histogram.sumUs, histogram.maxUs]).toEqual([4, 1_003 + 0xffff_ffff, 0xffff_ffff]);
});

test("what was recorded since: the difference, whatever was recorded before", () => {
  const durations = fc.array(fc.integer({ min: 0, max: 1_000_000 }));
  fc.assert(
    fc.property(durations, durations, (before, after) => {
      const all = new DurationHistogram();
      for (const us of before) all.record(us);
      const earlier = all.since(new DurationHistogram());
      const expected = new DurationHistogram();
      for (const us of after) {
        all.record(us);
        expected.record(us);
      }
      const since = all.since(earlier);
      expect([since.count, since.sumUs]).toEqual([expected.count, expected.sumUs]);
      for (let exponent = 0; exponent <= 20; exponent += 1)
        expect(since.below(exponent)).toBe(expected.below(exponent));
    }),
  );
});

test("the longest since it was last asked", () => {
  const histogram = new DurationHistogram();
  histogram.record(30);
  histogram.record(20);
  expect(histogram.takeRecentMaxUs()).toBe(30);
  expect(histogram.takeRecentMaxUs()).toBe(0);
  histogram.record(7);
  expect([histogram.takeRecentMaxUs(), histogram.maxUs]).toEqual([7, 30]);
});
