import { expect, test } from "vitest";
import { utf8Bytes } from "../base/index.ts";
import { Glob } from "./glob.ts";

const matches = (pattern: string, text: string): boolean => new Glob(utf8Bytes(pattern)).matches(text);

test.each<[pattern: string, matching: string[], others: string[]]>([
  ["*", ["", "a", "anything"], []],
  ["a*b*c", ["abc", "aXbYc", "abbcc"], ["ab", "abcd", "xabc"]],
  ["a?c", ["abc", "a*c"], ["ac", "abbc"]],
  ["[a-c]x", ["ax", "cx"], ["dx", "x"]],
  ["[c-a]x", ["bx"], ["dx"]],
  ["[^a-c]x", ["dx", "^x"], ["ax", "x"]],
  ["[\\]a]", ["]", "a"], ["\\"]],
  ["\\*", ["*"], ["a", "\\*"]],
  ["[abc", ["a", "c"], ["d", "[abc"]],
  ["[]", [], ["]", "", "["]],
  ["[^]", ["a"], [""]],
  ["a\\", ["a\\"], ["a"]],
  ["a**", ["a", "abc"], ["b"]],
  ["", [""], ["a"]],
])("%s", (pattern, matching, others) => {
  for (const text of matching) expect(matches(pattern, text), text).toBe(true);
  for (const text of others) expect(matches(pattern, text), text).toBe(false);
});

test("a hostile pattern takes at most as many steps as both lengths multiplied", () => {
  const glob = new Glob(utf8Bytes(`${"*a".repeat(500)}b`));
  expect(glob.matches("a".repeat(1_000))).toBe(false);
  expect(glob.steps).toBeLessThan(2 * 1_000 * 1_000);
});
