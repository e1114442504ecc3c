import { expect, test } from "vitest";
import { BatchSize } from "./batch-size.ts";

test("a batch's size follows the time that the last one took, within its limits", () => {
  const batch = new BatchSize(10, 35, 5, 20);
  const after = (ms: number, filled = true): number => {
    batch.took(ms, filled);
    return batch.size;
  };
  expect(batch.size).toBe(10);
  expect([after(4), after(5), after(20), after(0), after(0)]).toEqual([20, 20, 20, 35, 35]);
  expect([after(21), after(21), after(21)]).toEqual([17, 10, 10]);
});

test("a batch that was not filled does not make the next one larger", () => {
  const batch = new BatchSize(10, 40, 5, 20);
  batch.took(0, false);
  expect(batch.size).toBe(10);
  batch.took(0, true);
  batch.took(21, false);
  expect(batch.size).toBe(10);
});
