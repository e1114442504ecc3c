import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOT_RESIDENT } from "./index.ts";
import {
  bitfields,
  bitmaps,
  type Command,
  counters,
  fractions,
  KEYS,
  keys,
  strings,
} from "./testing/random-commands.ts";
import { inRedisWords, RedisOracle, redisVersion } from "./testing/redis.ts";
import { Rows, shown } from "./testing/rows.ts";

/**
 * The same commands to Redis and to ours: every answer and error text, and after each sequence every value and its end.
 * What differs on purpose is not generated but tested beside each group (sums of fractions that Redis rounds).
 */
const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: commands compared with Redis'; no redis-server 7 on this machine");

const CLOCKS_DIFFER_MS = 600_000;
const SEQUENCES = 300;

const LARGE = "a".repeat(1500);
const PICKED = `
set {k}a v exat 5000000000 ; expiretime {k}a ; pexpiretime {k}a ; set {k}a w keepttl ; expiretime {k}a
setrange {k}b 8388607 x ; strlen {k}b ; append {k}b x ; setrange {k}b 8388608 x ; del {k}b
setrange {k}b 8388608 x ; setrange {k}b 9223372036854775807 x ; exists {k}b
mset {k}a ; mset {k}a 1 {k}b ; msetnx {k}a 1 {k}b ; get ; set {k}a ; incrby {k}a ; lcs {k}a
set {k}a ohmytext ; set {k}b mynewtext ; lcs {k}a {k}b idx minmatchlen 4 withmatchlen
lcs {k}a {k}b idx minmatchlen x ; lcs {k}a {k}b idx len ; lcs {k}a {k}b minmatchlen
set {k}a ${LARGE} ; set {k}b ${LARGE} ; lcs {k}a {k}b
set {k}a ohmytext ; incr {k}a ; incrbyfloat {k}a 1 ; incrbyfloat {k}c 1e15
set {k}a foobar ; bitcount {k}a 0 ; bitcount {k}a 0 x ; bitcount {k}a 0 -1 bits ; bitcount {k}a 0 -1 bit 1
bitcount {k}a -1 -6 ; bitcount {k}a -90 -100 bit ; bitcount {k}a 5 30 BIT ; bitcount {k}c
bitpos {k}a 2 ; bitpos {k}a x ; bitpos {k}a 1 x ; bitpos {k}a 1 0 x ; bitpos {k}a 1 0 -1 y ; bitpos {k}a 0 0 -1 bit 1
bitpos {k}a 1 -90 -100 ; bitpos {k}c 0 ; bitpos {k}c 1 ; bitop and {k}c {k}a {k}b ; bitop not {k}c {k}a {k}b
bitop or {k}c {k}none ; exists {k}c ; bitop y {k}c {k}a
setbit {k}b 67108863 1 ; strlen {k}b ; setbit {k}b 67108864 1 ; getbit {k}b 67108863 ; bitpos {k}b 1 ; bitcount {k}b
del {k}b ; bitfield {k}b get u8 67108863 ; bitfield_ro {k}b set u8 0 1 ; bitfield_ro {k}b overflow fail get u8 0
bitfield {k}b overflow fail incrby u2 0 5 ; strlen {k}b ; bitfield {k}b overflow sat set u8 0 -1 ; bitfield {k}b
`
  .trim()
  .split(/ ; |\n/);

function ours(rows: Rows, [name, ...args]: Command): string {
  const reply = rows.run(name as string, ...args);
  if (reply === NOT_RESIDENT) throw new Error("all rows are in memory");
  return inRedisWords(shown(reply));
}

describe.skipIf(version === undefined)("as Redis", () => {
  let redis: RedisOracle;
  beforeAll(async () => {
    redis = await RedisOracle.start();
  });
  afterAll(() => redis.stop());

  const theirs = (...command: Command): Promise<string> => redis.asker.ask(command);

  async function compare(commands: readonly Command[]): Promise<void> {
    const rows = new Rows();
    rows.nowMs = Date.now();
    await theirs("flushall");
    const answers = await Promise.all(commands.map((command) => theirs(...command)));
    for (const [i, command] of commands.entries()) {
      expect(ours(rows, command), `${i}: ${JSON.stringify(command)}`).toBe(answers[i]);
    }
    for (const key of KEYS) {
      expect(ours(rows, ["get", key]), key).toBe(await theirs("get", key));
      const end = Number(ours(rows, ["pexpiretime", key]));
      expect(Math.abs(end - Number(await theirs("pexpiretime", key))), `end of ${key}`).toBeLessThan(CLOCKS_DIFFER_MS);
    }
  }

  test("what chance would not find", () => compare(PICKED.map((line) => line.split(" "))));

  test.each([
    ["strings", strings, 30],
    ["counters", counters, 30],
    ["fractions", fractions, 8],
    ["keys", keys, 30],
    ["bitmaps", bitmaps, 30],
    ["bitfields", bitfields, 20],
  ] as const)("%s", async (_group, command, lengthMax) => {
    const sequences = fc.array(command, { minLength: 1, maxLength: lengthMax });
    await fc.assert(fc.asyncProperty(sequences, compare), { numRuns: SEQUENCES });
  });
});
