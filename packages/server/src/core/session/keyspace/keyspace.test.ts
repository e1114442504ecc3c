import { keySlot } from "@sherd/client/protocol";
import { expect, test } from "vitest";
import { KEYS_AT_ONCE_MAX, PATTERN_BYTES_MAX, SCAN_READS_MAX, type Slot, utf8Bytes } from "../../base/index.ts";
import { errorReply, OK, type Reply } from "../../command/index.ts";
import { encodeKeyPageReply, FLUSH, KEY_PAGE } from "../../machine/index.ts";
import type { Request } from "../../node/index.ts";
import { FakeClient, type Shown } from "../testing/fake-client.ts";
import { world } from "../testing/world.ts";

const NO_LEADER = errorReply("CLUSTERDOWN", "The shard has no leader");
const LOST = errorReply("INDETERMINATE", "the outcome is not known");
const two = { shards: 2, nodes: [{ clusterPort: 7379 }, { clusterPort: 7380 }] };
/** "foo" is in slot 12182 (the second shard's), "bar" in slot 5061. */
const filled = (redirect = false) => {
  const { node, client: plain, another } = world(two);
  for (const key of ["foo", "bar", "{bar}2"]) plain.ask("SET", key, "v");
  return { node, client: another(redirect) };
};

test("where the node forwards, the keys are those of the whole cluster; on the cluster port those led here", () => {
  const plain = filled().client;
  expect(plain.ask("DBSIZE")).toBe(3);
  expect(plain.ask("SCAN", "0")).toEqual(["0", ["bar", "{bar}2", "foo"]]);
  expect(plain.ask("KEYS", "*")).toEqual(["bar", "{bar}2", "foo"]);
  const cluster = filled(true).client;
  expect(cluster.ask("DBSIZE")).toBe(2);
  expect(cluster.ask("SCAN", "0")).toEqual(["0", ["bar", "{bar}2"]]);
  expect(cluster.ask("FLUSHALL")).toBe("OK");
  expect(cluster.ask("DBSIZE")).toBe(0);
  // Of any slot.
  expect(cluster.ask("CLUSTER", "COUNTKEYSINSLOT", "12182")).toBe(1);
  expect(cluster.ask("CLUSTER", "GETKEYSINSLOT", "12182", "5")).toEqual(["foo"]);
});

test("a cursor is the slot, and the place in it that its leader knows; it goes through a client's double", () => {
  const { node, client } = filled();
  const asked: Request[] = [];
  node.reply = (request) => {
    asked.push(request);
    return undefined;
  };
  const [cursor, keys] = client.ask("SCAN", "0", "COUNT", "1") as [string, Shown[]];
  expect(keys).toHaveLength(1);
  expect(Number.isSafeInteger(Number(cursor))).toBe(true);
  expect(client.ask("SCAN", cursor, "COUNT", "9")).toEqual(["0", ["{bar}2", "foo"]]);
  expect(asked.map(({ redirect, slot }) => [redirect, slot])).toEqual([
    [false, 0],
    [false, 0],
    [false, 8192],
  ]);
  // What nobody gave begins a slot.
  expect(client.ask("SCAN", "18446744073709551615")).toEqual(["0", []]);
  expect(client.ask("SCAN", String(8192))).toEqual(["0", ["foo"]]);
});

test("a SCAN that finds nothing ends after so many reads, with a cursor", () => {
  const { node, client } = world();
  let reads = 0;
  node.reply = ({ spec }): Reply | undefined => {
    if (spec !== KEY_PAGE) return undefined;
    reads += 1;
    const one = { type: "integer", value: 1 } as const;
    return { type: "array", items: [one, one, { type: "integer", value: 0 }, { type: "array", items: [] }] };
  };
  expect(client.ask("SCAN", "0", "MATCH", "nothing")).toEqual([String(16384 + 1), []]);
  expect(reads).toBe(SCAN_READS_MAX);
});

test("a shard that does not answer makes an error, of SCAN, KEYS, DBSIZE and RANDOMKEY alike", () => {
  const { node, client } = filled();
  node.reply = ({ slot }) => (slot >= 8192 ? NO_LEADER : undefined);
  for (const command of ["SCAN 0", "KEYS *", "DBSIZE", "RANDOMKEY"]) {
    expect(client.ask(...command.split(" ")), command).toBe("-CLUSTERDOWN The shard has no leader");
  }
});

test("a slot that begins again while KEYS or GETKEYSINSLOT walk over it gives no key twice", () => {
  const { node, client } = world();
  const slot = keySlot(utf8Bytes("{t}"));
  let reads = 0;
  node.reply = ({ spec }): Reply | undefined => {
    if (spec !== KEY_PAGE) return undefined;
    reads += 1;
    const names = ["{t}1", "{t}2", "{t}3", "{t}4"].slice(0, reads + 1);
    const next = reads === 3 ? undefined : { slot: slot as Slot, place: 7 };
    return encodeKeyPageReply({ keys: names.map(utf8Bytes), examined: names.length, next });
  };
  expect(client.ask("KEYS", "*")).toEqual(["{t}1", "{t}2", "{t}3", "{t}4"]);
  reads = 0;
  expect(client.ask("CLUSTER", "GETKEYSINSLOT", String(slot), "9")).toEqual(["{t}1", "{t}2", "{t}3", "{t}4"]);
});

test("FLUSHALL of which a part took effect is no error that a client may retry by itself", () => {
  const answers = (first: Reply, second: Reply): Shown => {
    const { node, client } = filled();
    node.reply = ({ spec, slot }) => (spec === FLUSH ? (slot < 8192 ? first : second) : undefined);
    return client.ask("FLUSHALL");
  };
  expect(answers(OK, OK)).toBe("OK");
  expect(answers(NO_LEADER, NO_LEADER)).toBe("-CLUSTERDOWN The shard has no leader");
  expect(answers(NO_LEADER, LOST)).toBe("-INDETERMINATE the outcome is not known");
  expect(answers(OK, NO_LEADER)).toMatch(/^-INDETERMINATE some shards are empty, but shard 2 answered: CLUSTERDOWN/);
});

test("arguments that are none are refused as by Redis, and long patterns are", () => {
  const { client } = world();
  const table: [string, string][] = [
    ["SCAN x", "-ERR invalid cursor"],
    ["SCAN -1", "-ERR invalid cursor"],
    ["SCAN 0 COUNT", "-ERR syntax error"],
    ["SCAN 0 COUNT x", "-ERR value is not an integer or out of range"],
    ["FLUSHALL now", "-ERR syntax error"],
    ["CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot"],
    ["CLUSTER GETKEYSINSLOT 0 -1", "-ERR Invalid slot or number of keys"],
    ["CLUSTER GETKEYSINSLOT a 1", "-ERR value is not an integer or out of range"],
  ];
  for (const [command, text] of table) expect(client.ask(...command.split(" ")), command).toBe(text);
  const long = "a".repeat(PATTERN_BYTES_MAX + 1);
  expect(client.ask("KEYS", long)).toBe(`-ERR the pattern is longer than ${PATTERN_BYTES_MAX} bytes`);
  expect(client.ask("SCAN", "0", "MATCH", long)).toBe(`-ERR the pattern is longer than ${PATTERN_BYTES_MAX} bytes`);
});

test("so many KEYS at once and no more; one whose client has gone makes room", () => {
  const { node, connections } = world({ manual: true });
  const clients = Array.from({ length: KEYS_AT_ONCE_MAX + 1 }, () => new FakeClient(connections));
  for (const client of clients) client.send("KEYS", "*");
  expect(clients.at(-1)?.take()).toEqual([expect.stringMatching(/^-ERR 4 other KEYS are under way/)]);
  clients[0]?.connection.onClose();
  clients.at(-1)?.send("KEYS", "*");
  node.answerAll();
  node.pass();
  expect(clients.map((client) => client.take())).toEqual([[], [[]], [[]], [[]], [[]]]);
});

test("KEYS that find more than is held say so, and point to SCAN", () => {
  const { node, client } = world();
  const keys = Array.from({ length: 1_000 }, () => ({ type: "bulk", bytes: new Uint8Array(1_000) }) as const);
  const one = { type: "integer", value: 1 } as const;
  node.reply = ({ spec }): Reply | undefined =>
    spec === KEY_PAGE ? { type: "array", items: [one, one, one, { type: "array", items: keys }] } : undefined;
  expect(client.ask("KEYS", "*")).toMatch(/^-ERR the keys take more than 33554432 bytes together; use SCAN/);
  expect(client.ask("DBSIZE")).toBe(0);
});

test("they cannot be queued behind MULTI, because shards are asked", () => {
  const { client } = world();
  client.ask("MULTI");
  expect(client.ask("KEYS", "*")).toBe("-ERR Command not allowed inside a transaction");
});
