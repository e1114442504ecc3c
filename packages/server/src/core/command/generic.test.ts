import { expect, test } from "vitest";
import { NOT_RESIDENT } from "./index.ts";
import { Rows } from "./testing/rows.ts";

test("DEL and UNLINK remove, EXISTS and TOUCH count", () => {
  const rows = new Rows();
  for (const remove of ["del", "unlink"]) {
    rows.ask("set a 1");
    rows.ask("set b 1");
    for (const count of ["exists", "touch"]) expect(rows.ask(`${count} a b a c`)).toBe("3");
    expect(rows.ask(`${remove} a a c`)).toBe("1");
    expect(rows.ask("exists a b")).toBe("1");
  }
});

test("a key that has ended is not there for any of them", () => {
  const rows = new Rows();
  rows.ask("set a 1");
  rows.ask("pexpire a 5");
  rows.nowMs = 5;
  expect(rows.ask("exists a")).toBe("0");
  expect(rows.ask("type a")).toBe("none");
  expect(rows.ask("rename a b")).toBe("(error) ERR no such key");
  expect(rows.ask("copy a b")).toBe("0");
  rows.ask("set b 1");
  expect(rows.ask("renamenx b a")).toBe("1");
  expect(rows.ask("ttl a")).toBe("-1");
  expect(rows.ask("del b")).toBe("0");
});

test("RENAME takes the value and its end along and replaces what is there", () => {
  const rows = new Rows();
  rows.ask("set a 1");
  rows.ask("pexpire a 100");
  rows.ask("set b 2");
  expect(rows.ask("renamenx a b")).toBe("0");
  expect(rows.ask("rename a b")).toBe("OK");
  expect(rows.ask("get b")).toBe('"1"');
  expect(rows.ask("pttl b")).toBe("100");
  expect(rows.ask("exists a")).toBe("0");
  expect(rows.ask("rename b b")).toBe("OK");
  expect(rows.ask("renamenx b b")).toBe("0");
  expect(rows.ask("rename a b")).toBe("(error) ERR no such key");
});

test("COPY copies value and end, and replaces only when told", () => {
  const rows = new Rows();
  rows.ask("set a 1");
  rows.ask("pexpire a 100");
  expect(rows.ask("copy a b")).toBe("1");
  expect(rows.ask("copy a b")).toBe("0");
  expect(rows.ask("copy a b REPLACE DB 0")).toBe("1");
  expect(rows.ask("pttl b")).toBe("100");
  expect(rows.ask("copy none b replace")).toBe("0");
  expect(rows.ask("copy a a")).toBe("(error) ERR source and destination objects are the same");
  expect(rows.ask("copy a b db 1")).toBe("(error) ERR DB index is out of range");
  expect(rows.ask("copy a b db x")).toBe("(error) ERR value is not an integer or out of range");
  expect(rows.ask("copy a b db")).toBe("(error) ERR syntax error");
});

test("TYPE, OBJECT and MEMORY say what a key is made of", () => {
  const rows = new Rows();
  rows.ask("set n -12");
  rows.ask("set s text");
  rows.ask(`set long ${"x".repeat(45)}`);
  expect(rows.ask("type n")).toBe("string");
  expect(rows.ask("type none")).toBe("none");
  expect(rows.ask("object encoding n")).toBe('"int"');
  expect(rows.ask("object encoding s")).toBe('"embstr"');
  expect(rows.ask("OBJECT ENCODING long")).toBe('"raw"');
  expect(rows.ask("object encoding none")).toBe("(nil)");
  expect(rows.ask("object refcount s")).toBe("1");
  expect(rows.ask("object freq s")).toMatch(/^\(error\) ERR An LFU maxmemory policy is not selected/);
  expect(rows.ask("object encoding")).toBe("(error) ERR wrong number of arguments for 'object|encoding' command");
  expect(rows.ask("memory usage s")).toBe("105");
  expect(rows.ask("memory usage s samples 0")).toBe("105");
  expect(rows.ask("memory usage s samples -1")).toBe("(error) ERR syntax error");
  expect(rows.ask("memory usage none")).toBe("(nil)");
});

test("none of them has an effect before all its rows are in memory", () => {
  for (const line of [
    "del a gone",
    "unlink gone a",
    "rename a gone",
    "renamenx gone a",
    "copy a gone",
    "touch a gone",
  ]) {
    const rows = new Rows();
    rows.ask("set a 1");
    rows.absent.add("gone");
    const [name, ...args] = line.split(" ");
    expect(rows.run(name as string, ...args), line).toBe(NOT_RESIDENT);
    expect([...rows.rows.keys()]).toEqual(["a"]);
  }
});
