import { expect, test } from "vitest";
import { keySlot } from "./index.ts";

const slotOf = (key: string): number => keySlot(new TextEncoder().encode(key));

test("slots are those of Redis Cluster", () => {
  expect(slotOf("")).toBe(0);
  // Its specification gives the checksum of these nine digits, 0x31c3.
  expect(slotOf("123456789")).toBe(0x31c3 % 16_384);
  expect(slotOf("foo")).toBe(12_182);
  expect(slotOf("bar")).toBe(5_061);
});

test("only what is between the first { and the first } behind it counts, if there is something", () => {
  for (const key of ["{bar}", "foo{bar}", "{bar}foo", "foo{bar}{zap}", "}{bar}", "foo{bar}}"]) {
    expect(slotOf(key)).toBe(5_061);
  }
  expect(slotOf("foo{{bar}}zap")).toBe(slotOf("{bar"));
  const whole = ["foo{}{bar}", "{bar", "bar}", "}bar{", "bar{"].map(slotOf);
  expect(whole).not.toContain(5_061);
  expect(new Set(whole).size).toBe(whole.length);
});
