import { expect, test } from "vitest";
import { CONNECTIONS_MAX, VALUE_BYTES_MAX } from "../base/index.ts";
import { FakeClient } from "./testing/fake-client.ts";
import { world } from "./testing/world.ts";

const manual = { manual: true } as const;

test("a client puts, gets and deletes", () => {
  const { client } = world();
  expect(client.ask("SET", "k", "v")).toBe("OK");
  expect(client.ask("get", "k")).toBe("v");
  expect(client.ask("EXISTS", "{k}1", "{k}2", "k")).toBe(1);
  expect(client.ask("DEL", "k", "k")).toBe(1);
  expect(client.ask("Get", "k")).toBeNull();
});

test("the cluster port redirects, the other one asks the node to forward", () => {
  const nodes = [{ clusterPort: 7379 }, { clusterPort: 7380, host: "10.0.0.2" }];
  const { node, connections, another } = world({ nodes, shards: 2 });
  const client = another(true);
  expect(client.ask("SET", "bar", "1")).toBe("OK");
  expect(client.ask("SET", "foo", "1")).toBe("-MOVED 12182 10.0.0.2:7380");
  expect(node.rows.has("foo")).toBe(false);
  expect(new FakeClient(connections, false).ask("SET", "foo", "1")).toBe("OK");
});

test("READONLY reaches the node with the reads that follow it", () => {
  const { node, client } = world(manual);
  client.pipeline(["GET", "a"]);
  node.answerAll();
  node.pass();
  client.pipeline(["READONLY"], ["GET", "a"]);
  expect(node.waiting.map(({ stale }) => stale)).toEqual([true]);
  node.answerAll();
  node.pass();
  client.pipeline(["READWRITE"], ["GET", "a"]);
  expect(node.waiting.map(({ stale }) => stale)).toEqual([false]);
});

test("keys of several slots are refused with Redis' words and the keys' names", () => {
  const { node, client } = world();
  expect(client.ask("DEL", "foo", "ba\n\xffr")).toBe(
    `-CROSSSLOT Keys in request don't hash to the same slot: "foo" is in slot 12182, "ba\\x0a\\xc3\\xbfr" in slot 8255. ` +
      "Send them one by one, or give them the same {hash tag}.",
  );
  expect(client.ask("DEL", "{user}a", "{user}b")).toBe(0);
  expect(node.executed).toEqual(["del"]);
});

test("a slot that no shard owns is CLUSTERDOWN", () => {
  const { node, client } = world();
  node.map = { ...node.map, shards: [] };
  expect(client.ask("GET", "k")).toBe("-CLUSTERDOWN Hash slot not served");
});

test("what is too long is refused, and the connection and its other commands go on", () => {
  const { node, client } = world();
  const value = new Uint8Array(VALUE_BYTES_MAX + 1);
  client.pipeline(["SET", "a", "1"], ["SET", "k", value], ["GET", "k".repeat(1025)], ["GET", "a"]);
  expect(client.take()).toEqual([
    "OK",
    `-ERR an argument is ${VALUE_BYTES_MAX + 1} bytes long; at most ${VALUE_BYTES_MAX} are allowed`,
    "-ERR key is 1025 bytes long; at most 1024 are allowed",
    "1",
  ]);
  expect(client.ask("SET", "k", value.subarray(1))).toBe("OK");
  expect(client.ask("GET", "k")).toHaveLength(VALUE_BYTES_MAX);
  expect(node.rows.size).toBe(2);
});

test("Redis' texts for what cannot be a command", () => {
  const { client } = world();
  const table: [string[], string][] = [
    [["nosuch"], "-ERR unknown command 'nosuch', with args beginning with: "],
    [["nosuch", "a\r\nb", "c"], "-ERR unknown command 'nosuch', with args beginning with: 'a  b' 'c' "],
    [["GET"], "-ERR wrong number of arguments for 'get' command"],
    [["get", "a", "b"], "-ERR wrong number of arguments for 'get' command"],
    [["DEL"], "-ERR wrong number of arguments for 'del' command"],
    [["CLUSTER"], "-ERR wrong number of arguments for 'cluster' command"],
    [["CLUSTER", "KEYSLOT"], "-ERR wrong number of arguments for 'cluster|keyslot' command"],
    [["client", "nosuch"], "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP."],
    [["CLIENT", "MAINT_NOTIFICATIONS", "ON"], "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."],
    [["SET", "k", "v", "EX", "0"], "-ERR invalid expire time in 'set' command"],
  ];
  for (const [args, text] of table) expect(client.ask(...args), args.join(" ")).toBe(text);
  const long = client.ask("x".repeat(300), "y".repeat(300), "z");
  expect(long).toBe(`-ERR unknown command '${"x".repeat(128)}', with args beginning with: '${"y".repeat(128)}' `);
});

test("the node takes so many connections and no more", () => {
  const { connections, client } = world();
  for (let n = 1; n < CONNECTIONS_MAX; n += 1) expect(connections.open(client, false)).toBeDefined();
  expect(connections.open(client, false)).toBeUndefined();
  expect(connections.rejected).toBe(1);
});
