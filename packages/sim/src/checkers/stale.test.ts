import { expect, test } from "vitest";
import { checkStaleReads, type Operation, type StaleRead } from "./index.ts";
import { del, never, set } from "./testing/operations.ts";

const read = (began: number, ended: number, value: string | null, connection = "s1.1"): StaleRead => ({
  connection,
  key: "k",
  value,
  began,
  ended,
});
const check = (history: readonly Operation[], ...reads: readonly StaleRead[]) => {
  return () => checkStaleReads("k", history, reads);
};

const ab = [set(1, 2, "a"), set(3, 4, "b")];

test("however old a value is, it was written", () => {
  expect(check(ab, read(5, 6, "a"))).not.toThrow();
  expect(check(ab, read(5, 6, null))).not.toThrow();
  expect(check(ab, read(5, 6, "z"))).toThrow("nobody wrote");
});

test("it is not from the future, nor refused", () => {
  expect(check([set(7, 8, "a")], read(5, 6, "a"))).toThrow("came later");
  expect(check([set(1, 2, "a", "refused")], read(5, 6, "a"))).toThrow("refused");
  expect(check([set(1, never, "a", "unknown")], read(5, 6, "a"))).not.toThrow();
});

test("one connection does not go back in time, another may", () => {
  expect(check(ab, read(5, 6, "a"), read(7, 8, "b"))).not.toThrow();
  expect(check(ab, read(5, 6, "b"), read(7, 8, "a"))).toThrow("then the older a");
  expect(check(ab, read(5, 6, "b"), read(7, 8, "a", "s1.2"))).not.toThrow();
  // Writes at the same time may have taken effect in either order.
  expect(check([set(1, 4, "a"), set(2, 3, "b")], read(5, 6, "b"), read(7, 8, "a"))).not.toThrow();
});

test("what one connection saw is not gone, unless somebody deleted it", () => {
  expect(check(ab, read(5, 6, "b"), read(7, 8, null))).toThrow("then nothing");
  expect(check([...ab, del(5, never, 0, "unknown")], read(5, 6, "b"), read(7, 8, null))).not.toThrow();
  // What was deleted before it was written is no excuse.
  expect(check([del(1, 2, 0), set(3, 4, "b")], read(5, 6, "b"), read(7, 8, null))).toThrow("then nothing");
});
