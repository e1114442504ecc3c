import { expect, test } from "vitest";
import { SLOW_TOLD_MAX, SLOW_TOLD_PER_TICK } from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { Connections } from "./connections.ts";
import { FakeClient, testFacts } from "./testing/fake-client.ts";
import { FakeNode } from "./testing/fake-node.ts";

interface World {
  readonly node: FakeNode;
  readonly connections: Connections;
  readonly client: FakeClient;
  /** Moves the clock. */
  pass(afterMs: number): void;
  /** Calls, failures, rejections, total microseconds of each command. */
  counted(): Record<string, number[]>;
}

function world({ redirect = false } = {}): World {
  let nowMs = 3e9;
  const node = new FakeNode({ manual: true, shards: 1 });
  const connections = new Connections(node, { ...testFacts, uptimeMs: () => nowMs });
  return {
    node,
    connections,
    client: new FakeClient(connections, redirect),
    pass: (afterMs) => {
      nowMs += afterMs;
      node.pass();
    },
    counted: () => {
      const all: Record<string, number[]> = {};
      connections.statistics.forEach(({ name, calls, failed, rejected, durations }) => {
        all[name] = [calls, failed, rejected, durations.sumUs];
      });
      return all;
    },
  };
}

test("a command's time ends with the pass that answers it", () => {
  const { node, client, pass, counted } = world();
  client.send("SET", "k", "v");
  pass(2);
  expect(counted()).toEqual({});
  node.answer();
  pass(3);
  expect(counted()).toEqual({ set: [1, 0, 0, 5_000] });
});

test("all that arrive before a pass arrived with the first; behind it, time is new", () => {
  const { node, client, pass, counted } = world();
  client.pipeline(["SET", "a", "1"], ["SET", "b", "2"]);
  node.answerAll();
  pass(1);
  expect(counted()).toEqual({ set: [2, 0, 0, 2_000] });
  pass(1_000);
  client.send("GET", "a");
  node.answerAll();
  pass(1);
  expect(counted()["get"]).toEqual([1, 0, 0, 1_000]);
});

test("what ran and failed is told from what did not run", () => {
  const { node, client, pass, counted, connections } = world();
  node.reply = (): Reply => ({ type: "error", kind: "WRONGTYPE", text: "no" });
  client.send("INCR", "k");
  node.answerAll();
  node.reply = (): Reply => ({ type: "error", kind: "CLUSTERDOWN", text: "no leader" });
  client.send("INCR", "k");
  node.answerAll();
  pass(1);
  client.take();
  client.ask("INCR");
  client.ask("INCR", "k", "more");
  client.ask("NOSUCH");
  client.ask("CONFIG", "NOSUCH");
  client.ask("CLIENT", "GETNAME", "more");
  client.ask("ECHO");
  expect(counted()).toEqual({
    "client|getname": [0, 0, 1, 0],
    config: [0, 0, 1, 0],
    echo: [0, 0, 1, 0],
    incr: [1, 1, 3, 1_000],
  });
  expect(connections.statistics.unknown).toBe(1);
  expect([...connections.statistics.errors]).toEqual([
    ["WRONGTYPE", 1],
    ["CLUSTERDOWN", 1],
    ["ERR", 6],
  ]);
});

test("a transaction counts, and so does each command that it ran; what could not be queued was rejected", () => {
  const { node, client, pass, counted } = world();
  for (const args of [["MULTI"], ["SET", "k", "v"], ["INCR", "k"], ["PING"], ["EXEC"]]) client.send(...args);
  node.answerAll();
  pass(4);
  expect(counted()).toEqual({
    exec: [1, 0, 0, 4_000],
    incr: [1, 1, 0, 4_000],
    multi: [1, 0, 0, 0],
    ping: [1, 0, 0, 0],
    set: [1, 0, 0, 4_000],
  });
  client.take();
  client.ask("MULTI");
  client.ask("GET");
  client.ask("EXEC");
  expect(counted()).toMatchObject({ get: [0, 0, 1, 0], exec: [2, 1, 0, 4_000] });
});

test("a client that has gone does not make its commands undone", () => {
  const { node, client, pass, counted } = world();
  client.send("SET", "k", "v");
  client.connection.onClose();
  node.answerAll();
  pass(1);
  expect(counted()).toEqual({ set: [1, 0, 0, 1_000] });
});

test("SLOWLOG hears of many slow commands at once, and of a few of those that never end; all are counted", () => {
  const { node, client, pass, counted } = world();
  client.ask("CONFIG", "SET", "slowlog-max-len", "1000");
  const perPass = SLOW_TOLD_MAX - 1;
  const slowLogAfterPass = () => {
    client.pipeline(...Array.from({ length: perPass }, (_, n) => ["SET", `k${n}`, "v"]));
    node.answerAll();
    pass(50);
    client.take();
    return client.ask("SLOWLOG", "LEN");
  };
  expect(slowLogAfterPass()).toBe(perPass);
  expect(slowLogAfterPass()).toBe(SLOW_TOLD_MAX);
  node.tick(50);
  expect(slowLogAfterPass()).toBe(SLOW_TOLD_MAX + SLOW_TOLD_PER_TICK);
  expect(slowLogAfterPass()).toBe(SLOW_TOLD_MAX + SLOW_TOLD_PER_TICK);
  expect(counted()["set"]?.[0]).toBe(perPass * 4);
  for (let ticks = 0; ticks < 100; ticks += 1) node.tick(100 + ticks * 50);
  client.ask("SLOWLOG", "RESET");
  expect(slowLogAfterPass()).toBe(perPass);
  expect(slowLogAfterPass()).toBe(SLOW_TOLD_MAX);
});
