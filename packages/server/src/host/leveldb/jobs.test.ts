import { expect, test } from "vitest";
import { Jobs } from "./jobs.ts";

test("at most so many jobs run at once, the others wait in order, and idle is when the last has ended", async () => {
  const jobs = new Jobs(2);
  const ends: (() => void)[] = [];
  const started: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    jobs.add(() => {
      started.push(n);
      return new Promise((resolve) => ends.push(resolve));
    });
  }
  let idle = false;
  const becameIdle = jobs.idle().then(() => {
    idle = true;
  });
  expect(started).toEqual([0, 1]);
  for (let n = 0; n < 5; n += 1) {
    expect(idle).toBe(false);
    ends[n]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(started.length).toBe(Math.min(5, n + 3));
  }
  await becameIdle;
  expect(started).toEqual([0, 1, 2, 3, 4]);
  await jobs.idle();
});
