import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { RedisOracle, redisVersion } from "../command/testing/redis.ts";
import { Glob } from "./glob.ts";
import { latin1, latin1Bytes } from "./text.ts";

test.each([
  ["", "", true],
  ["", "a", false],
  ["*", "", true],
  ["**", "", false],
  ["**", "anything", true],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["h*o", "hello", true],
  ["h*o", "ho", true],
  ["h*ho", "ho", false],
  ["*aab", "aaaab", true],
  ["*ab*ab*", "ab", false],
  ["[a-c]x", "bx", true],
  ["[c-a]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[^]", "]", true],
  ["[^]", "", false],
  ["[]", "]", false],
  ["[ab", "b", true],
  ["[a\\]]", "]", true],
  ["\\*", "*", true],
  ["\\*", "x", false],
  ["a\\", "a\\", true],
  ["\xff*", "\xffy", true],
  ["[\x80-\xff]", "\x90", true],
])("%j and %j: %s", (pattern, text, expected) => {
  expect(new Glob(pattern).matches(text)).toBe(expected);
});

test("a pattern made to be tried again and again is not: the steps are bounded by its parts between stars", () => {
  const text = "a".repeat(100_000);
  const glob = new Glob(`${"a*".repeat(50)}b*c`);
  expect(glob.searchBytes).toBe(50);
  let looks = 0;
  const counted = {
    length: text.length,
    charCodeAt(at: number): number {
      looks += 1;
      return text.charCodeAt(at);
    },
  };
  expect(glob.matches(counted as unknown as string)).toBe(false);
  const searching = new Glob(`${"a*".repeat(50)}b*`);
  expect(searching.matches(counted as unknown as string)).toBe(false);
  expect(looks).toBeLessThan(glob.searchBytes * text.length);
  expect(glob.steps + searching.steps).toBe(looks);
});

const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: patterns compared with Redis; no redis-server 7 on this machine");

test.skipIf(version === undefined)("patterns match what they match in Redis", async () => {
  const redis = await RedisOracle.start();
  onTestFinished(() => redis.stop());
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c", "-", "^", "]"), maxLength: 6 });
  const pattern = fc.string({ unit: fc.constantFrom(...Array.from("aaabbc**??[[]^-\\")), maxLength: 8 });
  const texts = [...new Set(["", ...fc.sample(word, 400)])];
  await redis.value(["MSET", ...texts.flatMap((text) => [latin1Bytes(text), "1"])]);
  const check = async (each: string): Promise<void> => {
    const keys = (await redis.value(["KEYS", latin1Bytes(each)])) as Uint8Array[];
    const glob = new Glob(each);
    expect(texts.filter((text) => glob.matches(text)).sort()).toEqual(keys.map(latin1).sort());
  };
  await fc.assert(fc.asyncProperty(pattern, check), { numRuns: 2_000 });
});
