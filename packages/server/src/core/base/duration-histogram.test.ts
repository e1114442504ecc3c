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

test("sums, the longest, and the beginning again", () => {
  const histogram = new DurationHistogram();
  for (const us of [0, 3, 1_000, 2 ** 40]) histogram.record(us);
  expect([histogram.count, histogram.sumUs, histogram.maxUs]).toEqual([4, 1_003 + 0xffff_ffff, 0xffff_ffff]);
  histogram.reset();
  expect([histogram.count, histogram.sumUs, histogram.maxUs, histogram.quantileUs(0.5)]).toEqual([0, 0, 0, 0]);
  expect(histogram.below(32)).toBe(0);
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
