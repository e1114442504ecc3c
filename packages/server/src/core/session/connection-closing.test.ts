import { expect, test } from "vitest";
import { world } from "./testing/world.ts";

const manual = { manual: true } as const;

test("what is not RESP gets its answer in order, then the connection is closed", () => {
  const { node, client } = world(manual);
  client.sendRaw("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n!oops\r\n*1\r\n$4\r\nPING\r\n");
  expect(client.closed).toBe(false);
  node.answer();
  node.pass();
  expect(client.take()).toEqual([null, "-ERR Protocol error: expected '$', got '!'"]);
  expect(client.closed).toBe(true);
});

test("QUIT and a half-closed connection: what was sent before is answered, then the socket closes", () => {
  const quitting = world(manual);
  quitting.client.pipeline(["GET", "k"], ["QUIT"], ["GET", "k"]);
  quitting.node.answer();
  quitting.node.pass();
  expect(quitting.client.take()).toEqual([null, "OK"]);
  expect([quitting.client.closed, quitting.node.waiting.length]).toEqual([true, 0]);

  const half = world(manual);
  half.client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  half.client.connection.onEnd();
  half.node.answer();
  half.node.pass();
  expect(half.client.closed).toBe(false);
  half.node.answer();
  half.node.pass();
  expect(half.client.take()).toEqual(["OK", "1"]);
  expect(half.client.closed).toBe(true);
});

test("a client that goes away leaves its commands to the node and nothing behind", () => {
  const { node, client, connections } = world(manual);
  client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  client.connection.onClose();
  expect(connections.size).toBe(0);
  node.answerAll();
  node.pass();
  expect([node.rows.size, node.executed]).toEqual([1, ["set"]]);
  expect(client.take()).toEqual([]);
});

test("at shutdown a connection serves on until nothing is open, then closes", () => {
  const { node, client } = world(manual);
  const idle = world().client;
  idle.connection.retire();
  expect(idle.closed).toBe(true);
  client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  client.connection.retire();
  client.send("GET", "k");
  client.sendRaw("*1\r\n$4\r\nPI");
  for (let turn = 0; turn < 3; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(client.take()).toEqual(["OK", "1", "1"]);
  expect(client.closed).toBe(false);
  client.sendRaw("NG\r\n");
  expect(client.take()).toEqual(["PONG"]);
  expect(client.closed).toBe(true);
});

test("a connection that is shut down takes nothing more, answers all that had arrived, and leaves nothing unread", () => {
  const { node, client } = world(manual);
  client.pipeline(["SET", "k", "1"], ["GET", "k"], ["PING"]);
  // What cannot be taken yet is left in the system's buffers.
  client.send("GET", "k");
  expect(client.paused).toBe(true);
  client.connection.retire();
  client.connection.shutDown();
  client.send("SET", "k", "2");
  for (let turn = 0; turn < 3; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(client.take()).toEqual(["OK", "1", "PONG", "1"]);
  expect(client.closed).toBe(true);
  expect(client.paused).toBe(false);
  expect([...(node.rows.get("k")?.payload ?? [])]).toEqual([...Buffer.from("1")]);
});
