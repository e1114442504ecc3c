import { expect, test } from "vitest";
import { ArrivalClock } from "./arrival-clock.ts";

test("what comes before a pass has one moment, what comes later another; only who asks makes it look at the clock", () => {
  let looks = 0;
  const clock = new ArrivalClock(() => {
    looks += 1;
    return looks * 10;
  });
  expect([clock.nowMs(), clock.nowMs()]).toEqual([10, 10]);
  clock.moveOn();
  clock.moveOn();
  expect(looks).toBe(1);
  expect([clock.nowMs(), clock.nowMs()]).toEqual([20, 20]);
});
