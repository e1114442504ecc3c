import fc from "fast-check";
import { expect, test } from "vitest";
import { BITOP_BYTES_MAX, VALUE_BYTES_MAX } from "../base/index.ts";
import { fit, readField, writeField } from "./bitfield-value.ts";
import { countOnes, findBit } from "./bitmap-count.ts";
import { NOT_RESIDENT } from "./index.ts";
import { Rows } from "./testing/rows.ts";

function expectAll(table: readonly (readonly [string, string])[]): Rows {
  const rows = new Rows();
  for (const [line, answer] of table) expect(rows.ask(line), line).toBe(answer);
  return rows;
}

test("SETBIT and GETBIT: a value grows with zeros, ends when it would have ended, and stays as it is if it can", () => {
  const rows = expectAll([
    ["setbit k 7 1", "0"],
    ["pexpire k 50", "1"],
    ["setbit k 17 1", "0"],
    ["pttl k", "50"],
    ["get k", '"\x01\0\x40"'],
    ["setbit k 7 0", "1"],
    ["getbit k 17", "1"],
    ["getbit k 7", "0"],
    ["getbit k 67108863", "0"],
    ["getbit none 0", "0"],
    ["setbit zero 8 0", "0"],
    ["get zero", '"\0\0"'],
    ["setbit k 67108864 1", "(error) ERR bit offset is not an integer or out of range"],
    ["getbit k -1", "(error) ERR bit offset is not an integer or out of range"],
    ["setbit k 0 2", "(error) ERR bit is not an integer or out of range"],
  ]);
  const row = rows.rows.get("k");
  rows.ask("setbit k 17 1");
  expect(rows.rows.get("k")).toBe(row);
});

test("BITCOUNT, BITPOS, BITOP", () => {
  expectAll([
    ["set k foobar", "OK"],
    ["bitcount k", "26"],
    ["bitcount k 1 1", "6"],
    ["bitcount k 5 30 BIT", "17"],
    ["bitcount none", "0"],
    ["bitcount none x", "(error) ERR syntax error"],
    ["bitpos k 1", "1"],
    ["bitpos k 1 2 -1 byte", "17"],
    ["set ones \xff\xff", "OK"],
    ["bitpos ones 0", "16"],
    ["bitpos ones 0 0 -1", "-1"],
    ["bitpos none 0", "0"],
    ["bitpos none 1", "-1"],
    ["bitop and d k ones", "6"],
    ["get d", '"fo\0\0\0\0"'],
    ["bitop not d ones", "2"],
    ["get d", '"\0\0"'],
    ["bitop xor d none", "0"],
    ["exists d", "0"],
  ]);
});

test("BITFIELD: several integers in one step, each with its answer", () => {
  expectAll([
    ["bitfield k set i5 100 7 get u4 0", "[0 0]"],
    ["bitfield k incrby i5 100 1 get u4 0", "[8 0]"],
    ["bitfield k overflow sat incrby i5 100 100 overflow fail incrby i5 100 1", "[15 (nil)]"],
    ["bitfield k set u8 #1 255 get u8 8", "[0 255]"],
    ["bitfield n set i64 0 -9223372036854775808 incrby i64 0 -1", "[0 9223372036854775807]"],
    ["bitfield_ro n get i64 0 get u63 1", "[9223372036854775807 9223372036854775807]"],
    ["bitfield_ro n set u8 0 1", "(error) ERR BITFIELD_RO only supports the GET subcommand"],
    [
      "bitfield n get u64 0",
      "(error) ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    ],
    ["bitfield n set u8 67108863 1", `(error) ERR string exceeds maximum allowed size (${VALUE_BYTES_MAX} bytes)`],
  ]);
});

test("BITOP refuses what would stop every replica for long", () => {
  const rows = new Rows();
  rows.run("set", "k", new Uint8Array(VALUE_BYTES_MAX));
  const keys = Array.from({ length: BITOP_BYTES_MAX / VALUE_BYTES_MAX + 1 }, () => "k");
  expect(rows.run("bitop", "or", "d", ...keys)).toMatchObject({
    type: "error",
    text: expect.stringMatching(/^the sources/),
  });
  expect(rows.rows.size).toBe(1);
});

const bytes = fc.uint8Array({ minLength: 1, maxLength: 24 });
const text = (of: Uint8Array): string => Array.from(of, (byte) => byte.toString(2).padStart(8, "0")).join("");

test("ones are counted and found as in the text of all bits, also in a view that is not aligned", () => {
  fc.assert(
    fc.property(bytes, fc.nat(3), fc.nat(), fc.nat(), fc.constantFrom(0, 1), (given, skipped, one, other, bit) => {
      const buffer = new Uint8Array(given.length + skipped);
      buffer.set(given, skipped);
      const view = buffer.subarray(skipped);
      const ends = [one % (given.length * 8), other % (given.length * 8)];
      const from = Math.min(...ends);
      const to = Math.max(...ends);
      const part = text(given).slice(from, to + 1);
      expect(countOnes(view, from, to)).toBe(part.replaceAll("0", "").length);
      const at = part.indexOf(String(bit));
      expect(findBit(view, bit, from, to)).toBe(at < 0 ? -1 : from + at);
    }),
  );
});

test("a field that was written is read again, and no other bit has changed", () => {
  const type = fc.record({ signed: fc.boolean(), bits: fc.integer({ min: 1, max: 63 }) });
  fc.assert(
    fc.property(
      bytes,
      type,
      fc.nat(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      (given, of, at, value) => {
        fc.pre(given.length * 8 >= of.bits);
        const offset = at % (given.length * 8 - of.bits + 1);
        const field = fit(value, of, "wrap") as bigint;
        const written = given.slice();
        writeField(written, offset, of.bits, field);
        expect(readField(written, offset, of)).toBe(field);
        const outside = (all: string): string => all.slice(0, offset) + all.slice(offset + of.bits);
        expect(outside(text(written))).toBe(outside(text(given)));
      },
    ),
  );
});

test("a command that misses a row has no effect", () => {
  for (const line of [
    "setbit gone 1 1",
    "getbit gone 1",
    "bitcount gone",
    "bitpos gone 1",
    "bitop or gone a",
    "bitop or a a gone",
    "bitfield gone set u8 0 1",
    "bitfield_ro gone get u8 0",
  ]) {
    const rows = new Rows();
    rows.ask("set a 1");
    rows.absent.add("gone");
    const [name, ...args] = line.split(" ");
    expect(rows.run(name as string, ...args), line).toBe(NOT_RESIDENT);
    expect([...rows.rows.keys()], line).toEqual(["a"]);
    expect(rows.ask("get a"), line).toBe('"1"');
  }
});
