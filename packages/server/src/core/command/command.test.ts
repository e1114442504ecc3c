import fc from "fast-check";
import { expect, test } from "vitest";
import { KEY_BYTES_MAX, latin1, latin1Bytes, slot, VALUE_BYTES_MAX } from "../base/index.ts";
import type { Row } from "../store/index.ts";
import { admit, allCommands, commandByName, commandByOpcode, findCommand, findSubcommand, isWrite } from "./index.ts";
import { type CommandContext, type CommandSpec, NIL, NOT_RESIDENT, OK, ONE, ZERO } from "./types.ts";

const bytes = latin1Bytes;
const spec = (name: string): CommandSpec => {
  const found = commandByName(bytes(name));
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

test("opcodes are on disk: they never change", () => {
  const specs = allCommands.flatMap((one) => [one, ...(one.subcommands ?? [])]);
  const opcodes = Object.fromEntries(specs.filter((one) => one.opcode > 0).map((one) => [one.name, one.opcode]));
  expect(opcodes).toMatchObject({ get: 1, set: 2, del: 3, exists: 4 });
  expect(opcodes).toMatchObject({ setnx: 5, setex: 6, psetex: 7, getset: 8, getdel: 9, getex: 10, mget: 11, mset: 12 });
  expect(opcodes).toMatchObject({ msetnx: 13, append: 14, strlen: 15, getrange: 16, substr: 17, setrange: 18 });
  expect(opcodes).toMatchObject({ lcs: 19, incr: 20, decr: 21, incrby: 22, decrby: 23, incrbyfloat: 24 });
  expect(opcodes).toMatchObject({ setbit: 25, getbit: 26, bitcount: 27, bitpos: 28, bitop: 29, bitfield: 30 });
  expect(opcodes).toMatchObject({ bitfield_ro: 31 });
  expect(opcodes).toMatchObject({ expire: 64, pexpire: 65, expireat: 66, pexpireat: 67, ttl: 68, pttl: 69 });
  expect(opcodes).toMatchObject({ expiretime: 70, pexpiretime: 71, persist: 72, unlink: 73, touch: 74, type: 75 });
  expect(opcodes).toMatchObject({ rename: 76, renamenx: 77, copy: 78, "memory|usage": 80 });
  // One command on the shard, by its first argument.
  for (const name of ["encoding", "freq", "idletime", "refcount"]) expect(opcodes[`object|${name}`]).toBe(79);
  for (const one of specs) if (one.opcode > 0) expect(commandByOpcode(one.opcode)?.run).toBe(one.run);
  for (const opcode of [0, -1, 0xfeff, 0xff00, 1.5]) expect(commandByOpcode(opcode)).toBeUndefined();
});

test("names are found in any case, within a bigger buffer, and nothing else is", () => {
  for (const one of allCommands) {
    const buffer = bytes(`xx${one.name.toUpperCase()}yy`);
    expect(findCommand(buffer, 2, buffer.length - 2)).toBe(one);
  }
  expect(findSubcommand(spec("cluster"), bytes("Slots"))?.name).toBe("cluster|slots");
  expect(findSubcommand(spec("get"), bytes("slots"))).toBeUndefined();
  const names = new Set(allCommands.map((one) => one.name));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (name) => {
      expect(commandByName(name) !== undefined).toBe(names.has(latin1(name).replace(/[A-Z]/g, (c) => c.toLowerCase())));
    }),
  );
});

test("what is admitted has the right number of arguments, short keys and one slot", () => {
  expect(admit(spec("get"), [bytes("foo")])).toBe(12182);
  expect(admit(spec("del"), [bytes("{foo}a"), bytes("{foo}b")])).toBe(12182);
  const text = (name: string, ...args: Uint8Array[]): unknown => (admit(spec(name), args) as { text: string }).text;
  expect(text("get")).toBe("wrong number of arguments for 'get' command");
  expect(text("set", bytes("k"))).toBe("wrong number of arguments for 'set' command");
  expect(text("exists", bytes("k"), new Uint8Array(KEY_BYTES_MAX + 1))).toBe(
    "key is 1025 bytes long; at most 1024 are allowed",
  );
  expect(admit(spec("get"), [new Uint8Array(KEY_BYTES_MAX)])).toBeTypeOf("number");
  expect(text("set", bytes("k"), new Uint8Array(VALUE_BYTES_MAX + 1))).toMatch(/^value is 8388609 bytes long/);
  expect(text("set", bytes("k"), bytes("v"), bytes("NY"))).toBe("syntax error");
  expect(text("del", bytes("foo"), bytes("bar"))).toMatch(/^Keys in request don't hash to the same slot/);
  expect(admit(spec("get"), [new Uint8Array(0)])).toBe(0);
});

test("exactly the commands of shards with the write flag are writes", () => {
  for (const one of allCommands) expect(isWrite(one), one.name).toBe(one.opcode !== 0 && one.flags.includes("write"));
});

class Rows implements CommandContext {
  readonly nowMs = 0;
  readonly version = 7;
  readonly latin1 = latin1;
  readonly rows: Map<string, Row> = new Map();
  readonly absent: Set<string> = new Set();

  get(_slot: number, key: string): Row | null | undefined {
    return this.absent.has(key) ? undefined : (this.rows.get(key) ?? null);
  }
  head(_slot: number, key: string): Row | null | undefined {
    return this.get(_slot, key);
  }
  put(_slot: number, key: string, row: Row): void {
    this.rows.set(key, row);
  }
  delete(_slot: number, key: string): boolean {
    return this.rows.delete(key);
  }
  lengthOf(_slot: number, key: string): number | undefined {
    const row = this.get(_slot, key);
    return row === undefined ? undefined : (row?.payload.length ?? 0);
  }
  worked(): void {}
  run(name: string, ...args: string[]): unknown {
    return spec(name).run?.(this, slot(0), args.map(bytes));
  }
}

test("GET, SET, DEL, EXISTS", () => {
  const rows = new Rows();
  expect(rows.run("get", "a")).toBe(NIL);
  expect(rows.run("set", "a", "1")).toBe(OK);
  expect(rows.run("get", "a")).toEqual({ type: "bulk", bytes: bytes("1") });
  expect(rows.run("set", "b", "")).toBe(OK);
  expect(rows.run("get", "b")).toEqual({ type: "bulk", bytes: bytes("") });
  expect(rows.run("exists", "a", "b", "a", "c")).toEqual({ type: "integer", value: 3 });
  expect(rows.run("exists", "c")).toBe(ZERO);
  expect(rows.run("del", "a", "a", "c")).toBe(ONE);
  expect(rows.run("del", "a", "c")).toBe(ZERO);
});

test("a command that misses a row has no effect", () => {
  for (const [name, ...args] of [
    ["get", "gone"],
    ["set", "gone", "1"],
    ["del", "a", "gone"],
    ["exists", "a", "gone"],
  ]) {
    const rows = new Rows();
    rows.run("set", "a", "1");
    rows.absent.add("gone");
    expect(rows.run(name as string, ...args), name).toBe(NOT_RESIDENT);
    expect([...rows.rows.keys()]).toEqual(["a"]);
  }
});
