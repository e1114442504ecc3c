import { expect, test } from "vitest";
import {
  CHANNEL_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_COMMANDS_MAX,
  TRANSACTION_NODE_ANSWERS_BYTES_MAX,
  TRANSACTION_NODE_ANSWERS_MAX,
  TRANSACTION_WATCHED_MAX,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { FakeClient, type Shown } from "./testing/fake-client.ts";
import { world } from "./testing/world.ts";

const ABORTED = "-EXECABORT Transaction discarded because of previous errors.";

test("what is queued happens at EXEC, as one request", () => {
  const { node, client } = world();
  expect(client.ask("MULTI")).toBe("OK");
  expect(client.ask("SET", "{k}1", "a")).toBe("QUEUED");
  expect(client.ask("get", "{k}1")).toBe("QUEUED");
  expect(client.ask("INCRBYX", "{k}1")).toMatch(/^-ERR unknown command/);
  expect(client.ask("EXEC")).toBe(ABORTED);
  expect(node.executed).toEqual([]);
  client.ask("MULTI");
  client.ask("SET", "{k}1", "a");
  client.ask("APPEND", "{k}1", "b");
  client.ask("GET", "{k}1");
  expect(client.ask("EXEC")).toEqual(["OK", 2, "ab"]);
  expect(node.executed).toEqual(["exec"]);
  expect(client.ask("GET", "{k}1")).toBe("ab");
});

test("a subcommand that there is not, or not with so many arguments, is refused when it is queued", () => {
  const { node, client } = world();
  for (const [command, error] of [
    [["COMMAND", "COUNT", "x"], "-ERR wrong number of arguments for 'command|count' command"],
    [["COMMAND", "NOSUCH"], "-ERR unknown subcommand 'NOSUCH'. Try COMMAND HELP."],
    [["PUBSUB"], "-ERR wrong number of arguments for 'pubsub' command"],
  ] as const) {
    client.ask("MULTI");
    client.ask("SET", "{k}1", "a");
    expect(client.ask(...command)).toBe(error);
    expect(client.ask("EXEC")).toBe(ABORTED);
  }
  expect(node.executed).toEqual([]);
  client.ask("MULTI");
  expect(client.ask("PUBSUB", "CHANNELS")).toBe("QUEUED");
  expect(client.ask("EXEC")).toEqual([[]]);
});

test("a command behind MULTI that is too large to be read past the limits ends the transaction", () => {
  const { node, client } = world();
  client.ask("MULTI");
  client.ask("SET", "{k}1", "a");
  expect(client.ask("SET", "{k}2", new Uint8Array(VALUE_BYTES_MAX + 1))).toMatch(/^-ERR an argument is 8388609 bytes/);
  expect(client.ask("EXEC")).toBe(ABORTED);
  expect(node.executed).toEqual([]);
});

test("one command that fails does not undo the others; arguments that are wrong fail at EXEC, too", () => {
  const { client } = world();
  client.ask("MULTI");
  client.ask("SET", "{k}1", "a");
  expect(client.ask("SET", "{k}1", "b", "NX", "XX")).toBe("QUEUED");
  expect(client.ask("RENAME", "{k}none", "{k}1")).toBe("QUEUED");
  client.ask("GET", "{k}1");
  expect(client.ask("EXEC")).toEqual(["OK", "-ERR syntax error", "-ERR no such key", "a"]);
});

test("transactions are pipelined with what stands before and behind them", () => {
  const { node, client } = world({ manual: true });
  client.pipeline(
    ["SET", "k", "1"],
    ["MULTI"],
    ["SET", "k", "2"],
    ["PING", "x"],
    ["GET", "k"],
    ["EXEC"],
    ["MULTI"],
    ["SET", "k", "3"],
    ["EXEC"],
    ["GET", "k"],
  );
  expect(node.waiting.map(({ spec }) => spec.name)).toEqual(["set", "exec", "exec"]);
  node.answerAll();
  node.pass();
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual([
    "OK",
    "OK",
    "QUEUED",
    "QUEUED",
    "QUEUED",
    ["OK", "x", "2"],
    "OK",
    "QUEUED",
    ["OK"],
    "3",
  ]);
});

test("a transaction that only reads goes as a read", () => {
  const { node, client } = world({ manual: true });
  client.pipeline(["MULTI"], ["GET", "k"], ["EXISTS", "k"], ["EXEC"], ["MULTI"], ["DEL", "k"], ["EXEC"]);
  node.answerAll();
  node.pass();
  const [read, write] = [node.executed, node.waiting.map(({ spec }) => spec.flags)];
  expect(read).toEqual(["exec", "exec"]);
  // Deletes pass on a full disk.
  expect(write).toEqual([["write"]]);
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["OK", "QUEUED", "QUEUED", [null, 0], "OK", "QUEUED", [0]]);
});

test("EXEC answers null and changes nothing when a watched key was written meanwhile", () => {
  const { connections, client } = world();
  const other = new FakeClient(connections);
  client.ask("SET", "k", "1");
  expect(client.ask("WATCH", "k", "{k}none")).toBe("OK");
  other.ask("SET", "k", "1");
  client.ask("MULTI");
  client.ask("SET", "k", "2");
  expect(client.ask("EXEC")).toBeNull();
  expect(client.ask("GET", "k")).toBe("1");
  // EXEC has ended the watching.
  client.ask("MULTI");
  client.ask("SET", "k", "3");
  expect(client.ask("EXEC")).toEqual(["OK"]);
});

test("WATCH ends with UNWATCH, DISCARD and RESET; one inside MULTI is an error that aborts nothing", () => {
  for (const command of ["UNWATCH", "DISCARD", "RESET", undefined] as const) {
    const { connections, client } = world();
    client.ask("WATCH", "k");
    new FakeClient(connections).ask("SET", "k", "other");
    client.ask("MULTI");
    if (command === "UNWATCH") client.ask("DISCARD");
    if (command !== undefined) client.ask(command);
    if (command !== undefined) client.ask("MULTI");
    expect(client.ask("WATCH", "k")).toBe("-ERR WATCH inside MULTI is not allowed");
    client.ask("SET", "k", "mine");
    expect(client.ask("EXEC"), command ?? "none").toEqual(command === undefined ? null : ["OK"]);
  }
});

test("an EXEC that follows its WATCH at once waits for it", () => {
  const { node, connections, client } = world({ manual: true });
  client.pipeline(["WATCH", "k"], ["MULTI"], ["GET", "k"], ["EXEC"], ["PING"]);
  expect(node.executed).toEqual(["watch"]);
  node.answer();
  new FakeClient(connections).send("SET", "k", "2");
  node.answer();
  node.pass();
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["OK", "OK", "QUEUED", null, "PONG"]);
});

test("a null of EXEC is a null array in RESP2", () => {
  const { connections, client } = world();
  client.ask("WATCH", "k");
  new FakeClient(connections).ask("SET", "k", "2");
  client.ask("MULTI");
  client.ask("GET", "k");
  const sent: string[] = [];
  client.write = (bytes) => sent.push(Buffer.from(bytes).toString()) > 0;
  client.send("EXEC");
  expect(sent).toEqual(["*-1\r\n"]);
});

test("an empty transaction; one that only watches", () => {
  const { connections, client } = world();
  client.ask("MULTI");
  expect(client.ask("EXEC")).toEqual([]);
  client.ask("WATCH", "k");
  client.ask("MULTI");
  client.ask("UNWATCH");
  expect(client.ask("EXEC")).toEqual(["OK"]);
  client.ask("WATCH", "k");
  new FakeClient(connections).ask("SET", "k", "2");
  client.ask("MULTI");
  expect(client.ask("EXEC")).toBeNull();
});

test("Redis' words for what is out of place", () => {
  const { client } = world();
  expect(client.ask("EXEC")).toBe("-ERR EXEC without MULTI");
  expect(client.ask("DISCARD")).toBe("-ERR DISCARD without MULTI");
  expect(client.ask("WATCH")).toBe("-ERR wrong number of arguments for 'watch' command");
  expect(client.ask("EXEC", "x")).toBe(
    "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command",
  );
  client.ask("MULTI");
  expect(client.ask("MULTI")).toBe("-ERR MULTI calls can not be nested");
  expect(client.ask("EXEC")).toEqual([]);
  client.ask("MULTI");
  expect(client.ask("GET")).toBe("-ERR wrong number of arguments for 'get' command");
  expect(client.ask("EXEC")).toBe(ABORTED);
  client.ask("MULTI");
  expect(client.ask("CLIENT", "SETNAME", "x")).toBe("-ERR Command not allowed inside a transaction");
  expect(client.ask("DISCARD")).toBe("OK");
});

test("keys in several slots are refused by EXEC, watched ones too", () => {
  const { node, client } = world();
  client.ask("MULTI");
  client.ask("SET", "foo", "1");
  expect(client.ask("SET", "bar", "1")).toBe("QUEUED");
  expect(client.ask("EXEC")).toMatch(/^-CROSSSLOT Keys in request don't hash to the same slot/);
  client.ask("WATCH", "foo");
  expect(client.ask("WATCH", "bar")).toMatch(/^-CROSSSLOT/);
  node.executed.length = 0;
  client.ask("MULTI");
  client.ask("SET", "bar", "1");
  expect(client.ask("EXEC")).toMatch(/^-CROSSSLOT/);
  expect(node.executed).toEqual([]);
});

test("on the cluster port a command for another node is answered MOVED when it is queued", () => {
  const nodes = [{ clusterPort: 7379 }, { clusterPort: 7380 }];
  const client = world({ nodes, shards: 2 }).another(true);
  client.ask("MULTI");
  expect(client.ask("SET", "bar", "1")).toBe("QUEUED");
  expect(client.ask("SET", "foo", "1")).toBe("-MOVED 12182 127.0.0.1:7380");
  expect(client.ask("EXEC")).toBe(ABORTED);
});

test("what a connection queues is limited, and counts as input of the node until the transaction ends", () => {
  const { connections, client } = world();
  const value = new Uint8Array(VALUE_BYTES_MAX);
  client.ask("MULTI");
  expect(client.ask("SET", "k", value)).toBe("QUEUED");
  expect(connections.input.takenBytes).toBe(VALUE_BYTES_MAX + 1);
  expect(client.ask("SET", "k", new Uint8Array(TRANSACTION_BYTES_MAX - VALUE_BYTES_MAX))).toMatch(
    /^-ERR the transaction is too large/,
  );
  expect(client.ask("EXEC")).toBe(ABORTED);
  expect(connections.input.takenBytes).toBe(0);
  client.ask("MULTI");
  client.ask("SET", "k", value);
  client.connection.onClose();
  expect(connections.input.takenBytes).toBe(0);

  const second = new FakeClient(connections);
  second.ask("MULTI");
  second.pipeline(...Array.from({ length: TRANSACTION_COMMANDS_MAX }, () => ["PING"]));
  expect(new Set(second.take())).toEqual(new Set(["QUEUED"]));
  expect(second.ask("PING")).toMatch(/^-ERR the transaction is too large/);
  second.ask("DISCARD");
  const keys = Array.from({ length: TRANSACTION_WATCHED_MAX }, () => "k");
  expect(second.ask("WATCH", ...keys)).toBe("OK");
  expect(second.ask("WATCH", "k")).toBe("-ERR at most 1024 keys may be watched at a time");
});

test("commands behind MULTI that the node answers itself are limited when they are queued; fast ones are not", () => {
  const { node, client } = world();
  client.ask("MULTI");
  client.ask("SET", "k", "v");
  client.pipeline(...Array.from({ length: TRANSACTION_NODE_ANSWERS_MAX }, () => ["COMMAND", "COUNT"]));
  expect(new Set(client.take())).toEqual(new Set(["QUEUED"]));
  expect(client.ask("PING")).toBe("QUEUED");
  expect(client.ask("INFO")).toMatch(/^-ERR the transaction is too large: at most 128 commands/);
  expect(client.ask("EXEC")).toBe(ABORTED);
  expect(node.executed).toEqual([]);
  // Of one transaction.
  client.ask("MULTI");
  expect(client.ask("COMMAND", "COUNT")).toBe("QUEUED");
  expect(client.ask("EXEC")).toHaveLength(1);
});

test("a transaction that only reads and is read again publishes once", () => {
  const { node, client, connections } = world({ manual: true });
  const listener = new FakeClient(connections);
  listener.ask("SUBSCRIBE", "c");
  client.pipeline(["GET", "a"], ["MULTI"], ["GET", "k"], ["PUBLISH", "c", "x"], ["EXEC"]);
  node.answer(1);
  node.waiting[0]?.retried?.();
  for (let turn = 0; turn < 3; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(client.take()).toEqual([null, "OK", "QUEUED", "QUEUED", [null, 1]]);
  expect(node.executed).toEqual(["get", "exec", "exec"]);
  expect(listener.take()).toEqual([["message", "c", "x"]]);
});

test("large answers of the node in one EXEC: those beyond the limit are not run and say so, the rest is done", () => {
  const { connections, client } = world();
  // 1 MiB of names.
  const name = "c".repeat(CHANNEL_BYTES_MAX - 4);
  const listener = new FakeClient(connections);
  for (let n = 1_000; n < 2_000; n += 1) listener.ask("SUBSCRIBE", `${name}${n}`);
  client.ask("MULTI");
  client.ask("SET", "k", "v");
  for (let n = 0; n < 20; n += 1) client.ask("PUBSUB", "CHANNELS");
  client.ask("ECHO", "x");
  client.ask("PUBLISH", "none", "x");
  client.ask("GET", "k");
  const replies = client.ask("EXEC") as Shown[];
  const answered = Math.ceil(TRANSACTION_NODE_ANSWERS_BYTES_MAX / 1_000 / (CHANNEL_BYTES_MAX + 32));
  expect(replies.slice(1, 21).map((reply) => Array.isArray(reply))).toEqual(
    Array.from({ length: 20 }, (_, at) => at < answered),
  );
  expect(replies[20]).toMatch(/^-ERR not run: /);
  expect([replies[0], ...replies.slice(21)]).toEqual(["OK", "x", 0, "v"]);
});

test("empty arguments that the node keeps behind MULTI count", () => {
  const { connections, client } = world();
  client.ask("MULTI");
  client.ask("PUBSUB", "NUMSUB", ...Array.from({ length: 1_000 }, () => ""));
  expect(connections.input.takenBytes).toBeGreaterThan(100_000);
  client.ask("DISCARD");
  expect(connections.input.takenBytes).toBe(0);
});

test("large replies of transactions that only read are held back as those of GET are", () => {
  const { node, client } = world({ manual: true });
  const payload = new Uint8Array(VALUE_BYTES_MAX / 2);
  node.rows.set("k", { kind: 1, expiresAtMs: 0, version: 1, payload });
  const transaction = [["MULTI"], ["GET", "k"], ["EXEC"]];
  const count = 2 + Math.ceil(CONNECTION_OUTPUT_BYTES_MAX / payload.length);
  client.slow = true;
  client.pipeline(...Array.from({ length: count }, () => transaction).flat());
  node.answerAll();
  node.pass();
  expect(client.pendingBytes).toBeLessThanOrEqual(CONNECTION_OUTPUT_BYTES_MAX + 1024);
  for (let turns = 0; turns < count && (node.waiting.length > 0 || client.pendingBytes > 0); turns += 1) {
    client.catchUp();
    node.answerAll();
    node.pass();
  }
  const replies = client.take();
  expect(replies).toHaveLength(count * 3);
  expect(
    replies.filter((reply) => Array.isArray(reply) && (reply[0] as string).length === payload.length),
  ).toHaveLength(count);
});
