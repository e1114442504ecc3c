import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CONNECTION_INFLIGHT_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_PAUSE,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { type Shown } from "./testing/fake-client.ts";
import type { FakeNode } from "./testing/fake-node.ts";
import { world } from "./testing/world.ts";

const manual = { manual: true } as const;

test("with as many open commands as allowed, a client that sends more is stopped, not buffered", () => {
  const { node, client } = world(manual);
  const batch = Array.from({ length: CONNECTION_INFLIGHT_MAX + 10 }, () => ["GET", "k"]);
  client.pipeline(...batch);
  expect(node.waiting).toHaveLength(CONNECTION_INFLIGHT_MAX);
  expect(client.paused).toBe(false);
  client.pipeline(["GET", "k"]);
  expect(client.paused).toBe(true);
  node.answerAll();
  node.pass();
  expect(client.paused).toBe(false);
  expect(node.waiting).toHaveLength(11);
  node.answerAll();
  node.pass();
  expect(client.take()).toHaveLength(CONNECTION_INFLIGHT_MAX + 11);
});

test("a client that does not read its replies is not read either, until it does", () => {
  const { node, client } = world();
  client.ask("SET", "k", new Uint8Array(CONNECTION_OUTPUT_BYTES_PAUSE / 4));
  client.slow = true;
  client.pipeline(...Array.from({ length: 32 }, () => ["GET", "k"]));
  const before = node.executed.length;
  expect(before).toBeLessThan(12);
  client.send("GET", "k");
  expect([client.paused, node.executed.length]).toEqual([true, before]);
  client.slow = false;
  client.catchUp();
  expect(client.paused).toBe(false);
  expect(client.take()).toHaveLength(33);
  expect(client.destroyed).toBe(false);
});

/** Rows of the largest value, named by what they are filled with. */
function largeRows(node: FakeNode, count: number): string[] {
  const names = Array.from({ length: count }, (_, n) => String.fromCharCode(97 + n));
  for (const name of names) {
    node.rows.set(name, { kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.alloc(VALUE_BYTES_MAX, name) });
  }
  return names;
}

const firstCharacters = (replies: Shown[]): string => replies.map((reply) => ((reply ?? "nil") as string)[0]).join("");

test("a pipeline of large values is held within bounds and read again as the client takes it", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 10);
  client.slow = true;
  client.pipeline(...names.map((name) => ["GET", name]), ["SET", "a", "new"], ["GET", "a"]);
  let highest = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    // A write that came after the reads may not overtake those that are read again.
    if (node.waiting.some(({ spec }) => spec.name === "set")) expect(node.waiting).toHaveLength(1);
    node.answerAll();
    node.pass();
    highest = Math.max(highest, client.pendingBytes);
    client.catchUp();
  }
  expect(highest).toBeGreaterThan(VALUE_BYTES_MAX);
  expect(highest).toBeLessThanOrEqual(CONNECTION_OUTPUT_BYTES_MAX + 1024);
  expect(firstCharacters(client.take())).toBe("abcdefghijOn");
  expect(node.executed.filter((name) => name === "get").length).toBeLessThan(3 * names.length);
});

test("replies that wait for an older one count as well", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 5);
  client.pipeline(["GET", "first"], ...names.map((name) => ["GET", name]));
  while (node.waiting.length > 1) node.answer(1);
  node.pass();
  expect(node.waiting).toHaveLength(1);
  for (let turn = 0; turn < 10; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(firstCharacters(client.take())).toBe("nabcde");
});

test("replies of commands that no shard runs are counted while they wait for an older one, and no longer", () => {
  const { node, client } = world(manual);
  client.pipeline(["GET", "k"], ["NO-SUCH-COMMAND"], ["MULTI"], ["GET", "k"]);
  expect(client.connection.load.waitingBytes).toBeGreaterThan(0);
  node.answerAll();
  node.pass();
  expect(client.take()).toHaveLength(4);
  expect(client.connection.load.waitingBytes).toBe(0);
});

test("the oldest reply is never thrown away for those that wait for it", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 3);
  client.pipeline(...names.map((name) => ["GET", name]));
  node.answer(2);
  node.answer(1);
  node.answer(0);
  node.pass();
  expect(firstCharacters(client.take())).toBe("abc");
});

test("reads whose replies nobody has room for are executed again as the client takes those before them, in order", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 6);
  client.pipeline(...names.map((name) => ["GET", name]), ["SET", "a", "new"]);
  for (let postponed = 5; postponed >= 1; postponed -= 1) node.postpone(postponed, VALUE_BYTES_MAX);
  expect(node.waiting).toHaveLength(1);
  node.pass();
  expect(node.waiting).toHaveLength(1);
  let highest = 0;
  for (let turn = 0; turn < 10; turn += 1) {
    node.answerAll();
    node.pass();
    highest = Math.max(highest, node.waiting.length);
  }
  expect(highest).toBeLessThanOrEqual(2);
  expect(firstCharacters(client.take())).toBe("abcdefO");
});

test("the oldest read whose reply nobody has room for is executed again, also when its client has gone", () => {
  const { node, client } = world(manual);
  largeRows(node, 1);
  client.pipeline(["GET", "a"]);
  node.postpone(0, VALUE_BYTES_MAX);
  node.pass();
  expect(node.waiting).toHaveLength(1);
  client.connection.onClose();
  node.postpone(0, VALUE_BYTES_MAX);
  node.pass();
  expect(node.waiting).toEqual([]);
});

test("however large the values and however slowly they are read, all replies come, in order", () => {
  const sizes = fc.array(fc.constantFrom(1, 100_000, CONNECTION_OUTPUT_BYTES_PAUSE, VALUE_BYTES_MAX), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(sizes, fc.array(fc.boolean(), { maxLength: 40 }), (lengths, choices) => {
      const { node, client } = world(manual);
      for (const [n, length] of lengths.entries()) {
        node.rows.set(`k${n}`, { kind: 1, expiresAtMs: 0, version: 1, payload: new Uint8Array(length) });
      }
      client.slow = true;
      if (lengths.length > 0) client.pipeline(...lengths.map((_, n) => ["GET", `k${n}`]));
      for (let turn = 0; turn < 60; turn += 1) {
        if (choices[turn] ?? true) node.answerAll();
        else if (node.waiting.length > 0) node.answer(node.waiting.length - 1);
        node.pass();
        if (choices[turn + 1] ?? true) client.catchUp();
        expect(client.pendingBytes).toBeLessThanOrEqual(CONNECTION_OUTPUT_BYTES_MAX * 2);
      }
      expect(client.take().map((reply) => (reply as string).length)).toEqual(lengths);
    }),
    { numRuns: 60 },
  );
});
