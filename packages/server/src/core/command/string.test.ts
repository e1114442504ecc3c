import { expect, test } from "vitest";
import { REPLY_BYTES_MAX, VALUE_BYTES_MAX } from "../base/index.ts";
import type { RowKind } from "../store/index.ts";
import { NOT_RESIDENT, type Reply } from "./index.ts";
import { Rows } from "./testing/rows.ts";

const NOW_MS = 1_700_000_000_000;

function rowsAt(nowMs: number): Rows {
  const rows = new Rows();
  rows.nowMs = nowMs;
  return rows;
}

/** The rows as a command finds them in Redis' own words: name, answer. */
function expectAll(rows: Rows, table: readonly (readonly [string, string])[]): void {
  for (const [line, answer] of table) expect(rows.ask(line), line).toBe(answer);
}

test("SET: NX and XX ask whether there is a key, GET answers what it held", () => {
  expectAll(rowsAt(NOW_MS), [
    ["set k 1 xx", "(nil)"],
    ["get k", "(nil)"],
    ["set k 1 nx", "OK"],
    ["set k 2 nx", "(nil)"],
    ["set k 2 NX GET", '"1"'],
    ["set k 3 XX get", '"1"'],
    ["set other 1 get", "(nil)"],
    ["get other", '"1"'],
    ["get k", '"3"'],
  ]);
});

test("SET: times count from log time; without one the key no longer ends, but with KEEPTTL", () => {
  const rows = rowsAt(NOW_MS);
  expectAll(rows, [
    ["set k v ex 10", "OK"],
    ["pttl k", "10000"],
    ["set k v px 15", "OK"],
    ["pttl k", "15"],
    ["set k v exat 1700000001", "OK"],
    ["pttl k", "1000"],
    ["set k v pxat 1700000000020", "OK"],
    ["set k w keepttl", "OK"],
    ["pttl k", "20"],
    ["set k w", "OK"],
    ["pttl k", "-1"],
    ["set k w pxat 1700000000000", "OK"],
    ["get k", "(nil)"],
  ]);
  expect(rows.rows.size).toBe(0);
});

test("SETEX, PSETEX, GETEX, GETDEL, GETSET, SETNX", () => {
  expectAll(rowsAt(NOW_MS), [
    ["setex k 10 v", "OK"],
    ["pttl k", "10000"],
    ["psetex k 10 v", "OK"],
    ["pttl k", "10"],
    ["getex k", '"v"'],
    ["pttl k", "10"],
    ["getex k EX 3", '"v"'],
    ["pttl k", "3000"],
    ["getex k persist", '"v"'],
    ["pttl k", "-1"],
    ["getset k w", '"v"'],
    ["setnx k x", "0"],
    ["getdel k", '"w"'],
    ["getdel k", "(nil)"],
    ["getex k ex 0", "(nil)"],
    ["setnx k x", "1"],
    ["getex k pxat 1", '"x"'],
    ["exists k", "0"],
    ["getset k y", "(nil)"],
  ]);
});

test("MGET, MSET, MSETNX", () => {
  expectAll(rowsAt(NOW_MS), [
    ["mset a 1 b 2 a 3", "OK"],
    ["mget a b c a", '["3" "2" (nil) "3"]'],
    ["msetnx c 1 a 2", "0"],
    ["mget a c", '["3" (nil)]'],
    ["msetnx c 1 d 2", "1"],
    ["mget c d", '["1" "2"]'],
    ["mset a 1 b", "(error) ERR wrong number of arguments for 'mset' command"],
    ["msetnx a 1 b", "(error) ERR wrong number of arguments for 'msetnx' command"],
  ]);
});

test("APPEND, STRLEN, GETRANGE, SETRANGE; a value's end stays", () => {
  expectAll(rowsAt(NOW_MS), [
    ["append k Hello", "5"],
    ["pexpire k 99", "1"],
    ["append k World", "10"],
    ["strlen k", "10"],
    ["strlen none", "0"],
    ["getrange k 0 -1", '"HelloWorld"'],
    ["getrange k -5 -1", '"World"'],
    ["getrange k -100 -90", '"H"'],
    ["getrange k -1 -5", '""'],
    ["getrange k 5 99999999999999999", '"World"'],
    ["substr k 1 2", '"el"'],
    ["getrange none 0 -1", '""'],
    ["setrange k 5 Redis", "10"],
    ["setrange k 12 !", "13"],
    ["get k", '"HelloRedis\0\0!"'],
    ["pttl k", "99"],
    ["setrange none 3 x", "4"],
    ["get none", '"\0\0\0x"'],
  ]);
});

test("what no state could make valid is refused before anything is replicated, in Redis' words", () => {
  const integer = "value is not an integer or out of range";
  const invalid = (name: string): string => `invalid expire time in '${name}' command`;
  const tooLong = `string exceeds maximum allowed size (${VALUE_BYTES_MAX} bytes)`;
  const rows = rowsAt(NOW_MS);
  for (const [line, text] of [
    ["set k v ex", "syntax error"],
    ["set k v nx xx", "syntax error"],
    ["set k v ex 1 px 1", "syntax error"],
    ["set k v keepttl ex 1", "syntax error"],
    ["set k v ex 1 keepttl", "syntax error"],
    ["set k v persist", "syntax error"],
    ["set k v ex ten", integer],
    ["set k v ex 0", invalid("set")],
    ["set k v px -1", invalid("set")],
    ["set k v ex 9223372036854775807", invalid("set")],
    ["setex k 0 v", invalid("setex")],
    ["psetex k -1 v", invalid("psetex")],
    ["psetex k 1.5 v", integer],
    ["getex k nx", "syntax error"],
    ["getex k persist ex 1", "syntax error"],
    ["getex k keepttl", "syntax error"],
    ["getrange k 0 x", integer],
    ["setrange k x v", integer],
    ["setrange k -1 v", "offset is out of range"],
    [`setrange k ${VALUE_BYTES_MAX} v`, tooLong],
    ["setrange k 9223372036854775807 v", tooLong],
  ] as const) {
    expect(rows.ask(line), line).toBe(`(error) ERR ${text}`);
  }
});

test("a value grows to its limit and not beyond; what is refused changes nothing", () => {
  const rows = rowsAt(NOW_MS);
  expect(rows.run("append", "k", new Uint8Array(VALUE_BYTES_MAX - 1))).toEqual({
    type: "integer",
    value: VALUE_BYTES_MAX - 1,
  });
  expect(rows.ask("append k xx")).toBe(`(error) ERR string exceeds maximum allowed size (${VALUE_BYTES_MAX} bytes)`);
  expect(rows.ask("append k x")).toBe(String(VALUE_BYTES_MAX));
  expect(rows.ask("append k x")).toMatch(/^\(error\) ERR string exceeds/);
  expect(rows.ask(`setrange k ${VALUE_BYTES_MAX - 1} y`)).toBe(String(VALUE_BYTES_MAX));
  expect(rows.ask("getrange k -2 -1")).toBe('"\0y"');
  expect((rows.run("set", "k", new Uint8Array(VALUE_BYTES_MAX + 1)) as { text: string }).text).toMatch(
    /^value is 8388609/,
  );
});

test("MGET answers with what fits into one frame between nodes", () => {
  const rows = rowsAt(NOW_MS);
  const keys = Array.from({ length: REPLY_BYTES_MAX / VALUE_BYTES_MAX }, (_, i) => `k${i}`);
  for (const key of keys) rows.run("set", key, new Uint8Array(VALUE_BYTES_MAX));
  expect((rows.run("mget", ...keys) as Reply).type).toBe("array");
  rows.ask("set one x");
  expect(rows.run("mget", ...keys, "one")).toMatchObject({ type: "error", text: expect.stringMatching(/fewer keys/) });
});

test("a command that misses a row has no effect", () => {
  for (const line of [
    "get gone",
    "set gone 1 nx",
    "set gone 1 ex 1 get",
    "setnx gone 1",
    "setex gone 1 v",
    "getset gone v",
    "getdel gone",
    "getex gone persist",
    "mget a gone",
    "mset a 2 gone 1",
    "msetnx b 2 gone 1",
    "append gone x",
    "strlen gone",
    "getrange gone 0 1",
    "setrange gone 0 x",
  ]) {
    const rows = rowsAt(NOW_MS);
    rows.ask("set a 1");
    rows.absent.add("gone");
    const [name, ...args] = line.split(" ");
    expect(rows.run(name as string, ...args), line).toBe(NOT_RESIDENT);
    expect([...rows.rows.keys()], line).toEqual(["a"]);
    expect(rows.ask("get a"), line).toBe('"1"');
  }
});

test("a key of another kind is refused, but for what replaces it or answers null", () => {
  const wrong = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
  const later = 2 as RowKind;
  const refused = `get k|set k 1 get|set k 1 xx get|getset k 1|getdel k|getex k persist|append k x|strlen k|getrange k 0 1|
    substr k 0 1|setrange k 0 x|incr k|decr k|incrby k 2|decrby k 2|incrbyfloat k 2|setbit k 1 1|getbit k 1|bitcount k|
    bitpos k 1|bitop or d k|bitfield k set u8 0 1|bitfield k get u8 0|bitfield_ro k get u8 0`;
  const answers: [string, string][] = [
    ...refused.split("|").map((line): [string, string] => [line.trim(), wrong]),
    ["lcs k d", "(error) ERR The specified keys must contain string values"],
    ["mget k", "[(nil)]"],
    ["setnx k 1", "0"],
    ["msetnx k 1", "0"],
    ["set k 1 nx", "(nil)"],
  ];
  for (const [line, answer] of answers) {
    const rows = rowsAt(NOW_MS);
    const row = { kind: later, expiresAtMs: 0, version: 1, payload: new Uint8Array(1) };
    rows.rows.set("k", row);
    expect(rows.ask(line), line).toBe(answer);
    expect([...rows.rows.values()], line).toEqual([row]);
  }
  for (const line of ["set k v", "set k v xx", "mset k v", "setex k 10 v", "psetex k 10 v"]) {
    const rows = rowsAt(NOW_MS);
    rows.rows.set("k", { kind: later, expiresAtMs: 0, version: 1, payload: new Uint8Array(1) });
    expect(rows.ask(line), line).toBe("OK");
    expect(rows.ask("get k"), line).toBe('"v"');
  }
});
