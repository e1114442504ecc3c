import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import {
  COMMAND_ARGS_MAX,
  COSTLY_READ_WORK_BYTES,
  LCS_CELL_WORK_BYTES,
  latin1Bytes,
  slot,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_COMMANDS_MAX,
  TRANSACTION_WORK_MAX,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import {
  admit,
  type CommandSpec,
  commandByName,
  commandByOpcode,
  keysOf,
  NIL_ARRAY,
  NOT_RESIDENT,
  type Reply,
  TransactionEncoder,
  transactions,
  workOf,
} from "./index.ts";
import { Rows, shown } from "./testing/rows.ts";

const bytes = latin1Bytes;
const specOf = (name: string): CommandSpec => commandByName(bytes(name)) as CommandSpec;

/** The argument of an EXEC: commands as lines, watched keys with their versions. */
function blob(lines: readonly string[], watched: Readonly<Record<string, number>> = {}): Uint8Array {
  const encoder = new TransactionEncoder();
  for (const line of lines) {
    const [name, ...args] = line.split(" ");
    expect(encoder.add(specOf(name as string).opcode, args.map(bytes))).toBe(true);
  }
  return encoder.finish(Object.entries(watched).map(([key, version]) => ({ key: bytes(key), version })));
}

const exec = (rows: Rows, lines: readonly string[], watched?: Readonly<Record<string, number>>) =>
  transactions.grow.run?.(rows, slot(0), [blob(lines, watched)]) as Reply | typeof NOT_RESIDENT;

test("opcodes are on disk: they never change", () => {
  const { read, write, grow, watch } = transactions;
  expect([read.opcode, write.opcode, grow.opcode, watch.opcode]).toEqual([200, 201, 202, 203]);
  for (const spec of Object.values(transactions)) expect(commandByOpcode(spec.opcode)).toBe(spec);
});

test("commands of a transaction see what those before them did; one that fails undoes nothing", () => {
  const rows = new Rows();
  rows.ask("set text abc");
  const reply = exec(rows, [
    "set a 1",
    "get a",
    "rename none b",
    "append a 2",
    "del text",
    "exists a text",
    "getdel a",
  ]);
  expect(shown(reply as Reply)).toBe('[OK "1" (error) ERR no such key 2 1 1 "12"]');
  expect(rows.rows.size).toBe(0);
});

test("a reply outlives the bytes that the transaction came in", () => {
  const argument = blob(["set a before", "get a"]);
  const reply = transactions.grow.run?.(new Rows(), slot(0), [argument]) as Reply;
  argument.fill(0x78);
  expect(shown(reply)).toBe('[OK "before"]');
});

test("a watched row of another version ends it without effect; absence is version 0", () => {
  const rows = new Rows();
  rows.version = 5;
  rows.ask("set a 1");
  const versions = transactions.watch.run?.(rows, slot(0), [bytes("a"), bytes("none")]) as Reply;
  expect(shown(versions)).toBe("[5 0]");
  rows.version = 8;
  expect(exec(rows, ["set a 2"], { a: 4 })).toBe(NIL_ARRAY);
  expect(exec(rows, ["set a 2"], { a: 5, none: 6 })).toBe(NIL_ARRAY);
  expect(exec(rows, ["set a 2"], { a: 0 })).toBe(NIL_ARRAY);
  expect(rows.ask("get a")).toBe('"1"');
  expect(shown(exec(rows, ["set a 2", "set a 3"], { a: 5, none: 0 }) as Reply)).toBe("[OK OK]");
  expect(rows.ask("get a")).toBe('"3"');
  expect(rows.rows.get("a")?.version).toBe(8);
});

test("a key that has ended by log time counts as absent: for WATCH, for EXEC, and within it", () => {
  const rows = new Rows();
  rows.nowMs = 1000;
  rows.ask("set a 1 px 100");
  rows.nowMs = 1100;
  expect(exec(rows, ["set b 1"], { a: 7 })).toBe(NIL_ARRAY);
  expect(shown(exec(rows, ["get a", "setnx a 2", "pexpireat a 1100", "get a"], { a: 0 }) as Reply)).toBe(
    "[(nil) 1 1 (nil)]",
  );
});

test("it has no effect before every row is in memory", () => {
  const rows = new Rows();
  rows.absent.add("gone");
  expect(exec(rows, ["set a 1", "get gone"])).toBe(NOT_RESIDENT);
  expect(exec(rows, ["set a 1"], { gone: 1 })).toBe(NOT_RESIDENT);
  expect(rows.rows.size).toBe(0);
  expect(keysOf(transactions.grow, [blob(["set a 1", "mset b 1 c 2"], { w: 1 })])).toEqual(
    ["w", "a", "b", "c"].map(bytes),
  );
});

test("replies that are too large together undo all of it", () => {
  const rows = new Rows();
  rows.run("set", "large", new Uint8Array(VALUE_BYTES_MAX / 2));
  rows.ask("set kept 1");
  const reply = exec(rows, ["del kept", "get large", "get large"]) as Reply;
  expect(shown(reply)).toBe(
    "(error) ERR the transaction's replies exceed 8388608 bytes; nothing was done. Read less at once.",
  );
  expect(rows.ask("get kept")).toBe('"1"');
});

/** The bytes of work that it was allowed are those counted before it was refused. */
function refusedAsTooCostly(rows: Rows, lines: readonly string[], spec = transactions.grow): void {
  rows.work = 0;
  const before = new Map(rows.rows);
  const reply = spec.run?.(rows, slot(0), [blob(lines)]) as Reply;
  expect(shown(reply)).toMatch(/^\(error\) ERR SHERD_TRANSACTION_TOO_COSTLY: /);
  expect(rows.work).toBeLessThanOrEqual(TRANSACTION_WORK_MAX);
  expect(rows.rows).toEqual(before);
}

test("work is bounded though each key counts once as memory: LCS over two short values", () => {
  const rows = new Rows();
  rows.run("set", "a", new Uint8Array(1_400).fill(1));
  rows.run("set", "b", new Uint8Array(1_400).fill(2));
  const lines = Array.from({ length: 100 }, () => "lcs a b len");
  refusedAsTooCostly(rows, ["set c 1", ...lines]);
  refusedAsTooCostly(rows, lines, transactions.read);
  expect(shown(exec(rows, ["set c 1", ...lines.slice(0, 4)]) as Reply)).toBe(`[OK${" 0".repeat(4)}]`);
});

test.each(["setrange k 0 x", "bitop not d k", "bitcount k", "copy k e replace", "bitfield k set u8 0 1", "persist k"])(
  "work is bounded for any number of %s on a value of the largest size",
  (line) => {
    const rows = new Rows();
    rows.run("set", "k", new Uint8Array(VALUE_BYTES_MAX));
    const most = TRANSACTION_WORK_MAX / VALUE_BYTES_MAX;
    refusedAsTooCostly(rows, ["set c 1", ...Array.from({ length: most }, () => line)]);
    const allowed = exec(rows, ["set c 1", ...Array.from({ length: most / 2 - 1 }, () => line)]) as Reply;
    expect(allowed.type).toBe("array");
  },
);

test("work counts values as the commands before made them", () => {
  const rows = new Rows();
  const far = `setrange k ${VALUE_BYTES_MAX - 1} x`;
  refusedAsTooCostly(rows, [far, ...Array.from({ length: 40 }, () => "bitcount k")]);
  expect((exec(rows, [far, "del k", ...Array.from({ length: 40 }, () => "bitcount k")]) as Reply).type).toBe("array");
});

test("work: parts of large values cost nothing, and as many commands as there may be are allowed", () => {
  const rows = new Rows();
  rows.run("set", "k", new Uint8Array(VALUE_BYTES_MAX));
  for (const line of ["getbit k 9", "getrange k 5 6", "bitfield_ro k get u8 3", "incr n"]) {
    const reply = exec(rows, ["set c 1", ...Array.from({ length: TRANSACTION_COMMANDS_MAX - 1 }, () => line)]) as Reply;
    expect(reply.type, line).toBe("array");
  }
});

test("work: ordinary transactions of the largest size are allowed", () => {
  const keys = (from: number): string =>
    Array.from({ length: (COMMAND_ARGS_MAX - 2) / 2 }, (_, n) => `k${from + n} v`).join(" ");
  const sets = Array.from({ length: TRANSACTION_COMMANDS_MAX }, (_, n) => `set k${n} v ex 100`);
  for (const lines of [[`mset ${keys(0)}`, `mset ${keys(10_000)}`], sets]) {
    expect((exec(new Rows(), lines) as Reply).type).toBe("array");
  }
});

test("what an EXEC that reads costs is known before it runs, by what its commands look at", () => {
  const rows = new Rows();
  rows.run("set", "large", new Uint8Array(VALUE_BYTES_MAX));
  rows.run("set", "a", new Uint8Array(1_000));
  const work = (...lines: string[]): number | undefined => workOf(rows, slot(0), transactions.read, [blob(lines)]);
  expect(work("get large", "getrange large 0 5", "mget a b")).toBeLessThan(COSTLY_READ_WORK_BYTES);
  expect(work("bitcount large", "bitcount large")).toBeGreaterThan(2 * VALUE_BYTES_MAX);
  expect(work("lcs a a")).toBeGreaterThan(1_000 * 1_000 * LCS_CELL_WORK_BYTES);
  expect(work(...Array.from({ length: 100 }, () => "bitcount large"))).toBe(TRANSACTION_WORK_MAX);
  rows.absent.add("gone");
  expect(work("bitcount a", "bitcount gone")).toBe(undefined);
});

test("what another node forwards is admitted only as the connection would have", () => {
  const text = (spec: CommandSpec, argument: Uint8Array): unknown => (admit(spec, [argument]) as { text: string }).text;
  expect(admit(transactions.grow, [blob(["set foo 1", "get foo"])])).toBe(12182);
  expect(admit(transactions.read, [blob(["get foo"], { "{foo}x": 3 })])).toBe(12182);
  expect(admit(transactions.read, [blob([], { foo: 3 })])).toBe(12182);
  expect(text(transactions.grow, blob(["get foo", "get bar"]))).toMatch(/^Keys in request don't hash/);
  expect(text(transactions.grow, blob(["get foo"], { bar: 1 }))).toMatch(/^Keys in request don't hash/);
  expect(text(transactions.grow, blob(["get"]))).toBe("wrong number of arguments for 'get' command");
  expect(text(transactions.grow, blob(["set foo 1 NX XX"]))).toBe("syntax error");
  expect(text(transactions.read, blob(["set foo 1"]))).toBe("malformed transaction");
  expect(text(transactions.grow, blob([]))).toBe("malformed transaction");
  const nested = new TransactionEncoder();
  nested.add(transactions.grow.opcode, [blob(["set foo 1"])]);
  expect(text(transactions.grow, nested.finish([]))).toBe("malformed transaction");
  const whole = blob(["set foo 1"], { foo: 3 });
  for (let end = 0; end < whole.length; end += 1) {
    expect(text(transactions.grow, whole.subarray(0, end))).toBe("malformed transaction");
  }
  expect(text(transactions.grow, new Uint8Array([...whole, 0]))).toBe("malformed transaction");
});

test("what it may add to values is limited, however few bytes ask for it", () => {
  const rows = new Rows();
  const lines = Array.from({ length: 9 }, (_, n) => `setrange k${n} 8388607 x`);
  expect(shown(exec(rows, lines) as Reply)).toMatch(/^\(error\) ERR the transaction's values may grow by more than/);
  expect(rows.rows.size).toBe(0);
  expect(shown(exec(rows, lines.slice(1)) as Reply)).toMatch(/^\[8388608 /);
});

test("its size is limited", () => {
  const encoder = new TransactionEncoder();
  for (let n = 0; n < TRANSACTION_COMMANDS_MAX; n += 1) expect(encoder.add(1, [bytes("k")])).toBe(true);
  expect(encoder.add(1, [bytes("k")])).toBe(false);
  expect(new TransactionEncoder().add(2, [bytes("k"), new Uint8Array(VALUE_BYTES_MAX)])).toBe(true);
  expect(new TransactionEncoder().add(2, [new Uint8Array(TRANSACTION_BYTES_MAX)])).toBe(false);
});

test("the bytes of a transaction are those of the golden file", () => {
  const golden = fileURLToPath(new URL("golden/transaction.hex", import.meta.url));
  const hex = Buffer.from(blob(["set foo bar", "get foo"], { foo: 12, "{foo}none": 0 })).toString("hex");
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, `${hex}\n`);
  expect(`${hex}\n`).toBe(readFileSync(golden, "utf8"));
});
