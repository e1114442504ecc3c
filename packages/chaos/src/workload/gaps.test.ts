import { expect, test } from "vitest";
import { Gaps } from "./gaps.ts";

test("the longest time without an acknowledged write, up to the end and not beyond", () => {
  const gaps = new Gaps(2, 100);
  gaps.acknowledged(0, 100, 150);
  gaps.acknowledged(0, 100, 400);
  gaps.acknowledged(0, 400, 410);
  gaps.acknowledged(1, 100, 110);
  gaps.end(500);
  gaps.acknowledged(0, 500, 5_000);
  expect(gaps.longest).toEqual([
    { fromMs: 150, ms: 250 },
    { fromMs: 110, ms: 390 },
  ]);
});

test("who waits for a write is told of one that began since", async () => {
  const gaps = new Gaps(1, 0);
  let told = 0;
  const waiting = gaps.writeSince(0, 50).then(() => (told += 1));
  gaps.acknowledged(0, 40, 60);
  await Promise.resolve();
  expect(told).toBe(0);
  gaps.acknowledged(0, 50, 70);
  await waiting;
});
