import fc from "fast-check";
import { expect, test } from "vitest";
import { CLOCK_OFFSET_MS_MAX, CLOCK_SAMPLES, type NodeId, nodeId } from "../base/index.ts";
import { ClockWatch } from "./clock-watch.ts";

const node = (number: number): NodeId => nodeId(number.toString(16).padStart(40, "0"));
const FAR = CLOCK_OFFSET_MS_MAX + 1;

/** What a node thinks whose own clock is the first, after it has heard all others. */
function watch(clocks: readonly number[]): ClockWatch {
  const watching = new ClockWatch();
  for (const [at, clock] of clocks.entries()) if (at > 0) watching.heard(node(at), clock, clocks[0] as number);
  return watching;
}

test("alone, nobody is astray; of two that differ neither is, because nobody knows which one is wrong", () => {
  expect([watch([0]).astray, watch([0, FAR]).astray, watch([FAR, 0]).astray]).toEqual([false, false, false]);
});

test("of three the one that differs is astray, the two that agree are not", () => {
  const wrong = watch([1_000 + FAR, 1_000, 1_000]);
  expect([wrong.astray, wrong.offsetMs]).toEqual([true, FAR]);
  expect(watch([1_000, 1_000, 1_000 + FAR]).astray).toBe(false);
  const behind = watch([0, FAR, FAR]);
  expect([behind.astray, behind.offsetMs]).toEqual([true, -FAR]);
});

test("a little is nothing", () => {
  expect(watch([CLOCK_OFFSET_MS_MAX, 0, 0]).astray).toBe(false);
});

test("whatever the clocks say, not all are astray, and those that are differ from the middle", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -60_000, max: 60_000 }), { minLength: 1, maxLength: 9 }), (clocks) => {
      const astray = clocks.map((_, at) => watch([clocks[at] as number, ...clocks.toSpliced(at, 1)]).astray);
      expect(astray).toContain(false);
      const sorted = clocks.toSorted((left, right) => left - right);
      const low = sorted[(clocks.length - 1) >> 1] as number;
      const high = sorted[clocks.length >> 1] as number;
      for (const [at, clock] of clocks.entries()) {
        const away = Math.max(low - clock, clock - high, 0);
        expect(astray[at]).toBe(away > CLOCK_OFFSET_MS_MAX);
      }
    }),
  );
});

test("a message that was long on its way says nothing about a clock", () => {
  const watching = new ClockWatch();
  for (const peer of [1, 2]) {
    watching.heard(node(peer), 0, 1);
    watching.heard(node(peer), 0, FAR + 1);
  }
  expect(watching.astray).toBe(false);
});

test("a clock that jumps is noticed after a few messages, forward and back", () => {
  for (const jump of [FAR + 10, -FAR - 10]) {
    const watching = watch([0, 0, 0]);
    for (let heard = 0; heard < CLOCK_SAMPLES; heard += 1) {
      for (const peer of [1, 2]) watching.heard(node(peer), heard, heard + jump);
    }
    expect(watching.astray, String(jump)).toBe(true);
    for (let heard = 0; heard < CLOCK_SAMPLES; heard += 1) {
      for (const peer of [1, 2]) watching.heard(node(peer), heard, heard);
    }
    expect(watching.astray, String(jump)).toBe(false);
  }
});

test("a node that is gone has no clock", () => {
  const watching = watch([FAR, 0, 0]);
  watching.forget(node(1));
  expect(watching.astray).toBe(false);
});
