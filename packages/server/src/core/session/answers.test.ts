import { expect, test } from "vitest";
import { COMMAND_ARGS_MAX } from "../base/index.ts";
import { allCommands } from "../command/index.ts";
import { Connections } from "./connections.ts";
import { FakeClient, type Shown, testFacts } from "./testing/fake-client.ts";
import { FakeNode, hexId } from "./testing/fake-node.ts";

const NODES = [{ clusterPort: 7379 }, { clusterPort: 7380 }, { clusterPort: 7381, host: "10.0.0.3" }];

function connect(shards = 3): { client: FakeClient; node: FakeNode; connections: Connections } {
  const node = new FakeNode({ nodes: NODES, shards });
  const connections = new Connections(node, testFacts);
  return { client: new FakeClient(connections, true), node, connections };
}

test("PING, ECHO, SELECT, AUTH, RESET", () => {
  const { client } = connect();
  expect(client.ask("PING")).toBe("PONG");
  expect(client.ask("ping", "hello")).toBe("hello");
  expect(client.ask("PING", "a", "b")).toBe("-ERR wrong number of arguments for 'ping' command");
  expect(client.ask("ECHO", "x")).toBe("x");
  expect(client.ask("SELECT", "0")).toBe("OK");
  expect(client.ask("SELECT", "1")).toBe("-ERR SELECT is not allowed in cluster mode");
  expect(client.ask("SELECT", "x")).toBe("-ERR value is not an integer or out of range");
  expect(client.ask("AUTH", "default", "any")).toBe("OK");
  expect(client.ask("AUTH", "eve", "any")).toBe("-WRONGPASS invalid username-password pair or user is disabled.");
  expect(client.ask("AUTH", "x")).toMatch(/^-ERR AUTH <password> called without any password configured/);
  client.ask("CLIENT", "SETNAME", "me");
  client.ask("HELLO", "3");
  expect(client.ask("RESET")).toBe("RESET");
  expect(client.ask("CLIENT", "GETNAME")).toBeNull();
  expect(client.connection.resp).toBe(2);
});

test("HELLO describes the node and changes the protocol only when all of it is right", () => {
  const { client } = connect();
  const greeting = client.ask("HELLO", "3", "AUTH", "default", "pw", "SETNAME", "worker");
  expect(greeting).toMatchObject({ server: "redis", proto: 3, id: 1, mode: "cluster", role: "master", modules: [] });
  expect(client.ask("CLIENT", "GETNAME")).toBe("worker");
  expect((client.ask("HELLO") as { proto: number }).proto).toBe(3);
  const flat = client.ask("HELLO", "2") as Shown[];
  expect(flat.slice(0, 6)).toEqual(["server", "redis", "version", "7.2.0", "proto", 2]);
  expect(client.ask("HELLO", "4")).toBe("-NOPROTO unsupported protocol version");
  expect(client.ask("HELLO", "x")).toBe("-ERR Protocol version is not an integer or out of range");
  expect(client.ask("HELLO", "3", "SETNAME")).toBe("-ERR Syntax error in HELLO option 'SETNAME'");
  expect(client.ask("HELLO", "3", "AUTH", "eve", "pw")).toMatch(/^-WRONGPASS/);
  expect(client.ask("HELLO", "3", "SETNAME", "a b")).toMatch(/^-ERR Client names cannot contain spaces/);
  expect(client.connection.resp).toBe(2);
});

test("CLIENT remembers what a client says about itself", () => {
  const { client } = connect();
  expect(client.ask("CLIENT", "ID")).toBe(1);
  expect(client.ask("CLIENT", "SETINFO", "LIB-NAME", "ioredis")).toBe("OK");
  expect(client.ask("client", "setinfo", "lib-ver", "6.0.0")).toBe("OK");
  expect(client.ask("CLIENT", "SETINFO", "LIB-X", "1")).toBe("-ERR Unrecognized option 'LIB-X'");
  expect(client.ask("CLIENT", "SETINFO", "LIB-NAME", "a b")).toMatch(/^-ERR lib-name cannot contain spaces/);
  client.ask("CLIENT", "SETNAME", "me");
  expect(client.ask("CLIENT", "INFO")).toMatch(
    /^id=1 addr=127.0.0.1:5000 laddr=127.0.0.1:7379 .* lib-name=ioredis lib-ver=6.0.0\n$/,
  );
  expect(client.ask("CLIENT", "LIST", "ID", "1")).toMatch(/^id=1 .*\n$/);
  expect(client.ask("CLIENT", "LIST", "ID", "2")).toBe("");
  expect(client.ask("CLIENT", "NO-TOUCH", "ON")).toBe("OK");
  expect((client.ask("CLIENT", "HELP") as Shown[])[0]).toBe("CLIENT <subcommand> [<arg> ...]. Subcommands are:");
});

test("COMMAND INFO and DOCS with names repeated do not answer more than there is", () => {
  const { client } = connect();
  client.ask("HELLO", "3");
  const many = (name: string): string[] => Array.from({ length: COMMAND_ARGS_MAX - 2 }, () => name);
  expect(client.ask("COMMAND", "INFO", ...many("client"))).toMatch(/^-ERR names stand for more than the \d+ commands/);
  expect(client.ask("COMMAND", "INFO", "get", "get")).toHaveLength(2);
  // As a client does that asks for all it knows: what there is not costs nothing.
  const unknown = client.ask("COMMAND", "INFO", ...many("nosuch")) as Shown[];
  expect([unknown.length, unknown[0]]).toEqual([COMMAND_ARGS_MAX - 2, null]);
  // RESP2 shows a map as it is sent: names and descriptions by turns.
  client.ask("HELLO", "2");
  expect(client.ask("COMMAND", "DOCS", ...many("client"))).toHaveLength(2);
});

test("COMMAND has ten fields for every command", () => {
  const { client } = connect();
  client.ask("HELLO", "3");
  const entries = client.ask("COMMAND") as Shown[][];
  expect(entries.map((entry) => entry[0])).toEqual(allCommands.map((spec) => spec.name));
  for (const entry of entries) expect(entry).toHaveLength(10);
  expect(client.ask("COMMAND", "COUNT")).toBe(allCommands.length);
  const [get, none, subcommand] = client.ask("COMMAND", "INFO", "GET", "nosuch", "cluster|slots") as Shown[][];
  expect(get?.slice(0, 7)).toEqual(["get", 2, ["readonly", "fast"], 1, 1, 1, ["@read", "@string", "@fast"]]);
  expect(none).toBeNull();
  expect(subcommand?.slice(0, 2)).toEqual(["cluster|slots", 2]);
  expect(client.ask("COMMAND", "GETKEYS", "DEL", "a", "b")).toEqual(["a", "b"]);
  expect(client.ask("COMMAND", "GETKEYS", "PING", "a")).toBe("-ERR The command has no key arguments");
  expect(client.ask("COMMAND", "GETKEYS", "GET", "a", "b")).toMatch(/^-ERR Invalid number of arguments/);
  expect(client.ask("COMMAND", "DOCS", "GET")).toMatchObject({ get: { group: "string", since: "1.0.0" } });
  expect(client.ask("COMMAND", "LIST")).toContain("set");
  expect(client.ask("COMMAND", "LIST", "FILTERBY", "ACLCAT", "transaction")).toEqual([
    "discard",
    "exec",
    "multi",
    "unwatch",
    "watch",
  ]);
  expect(client.ask("COMMAND", "LIST", "FILTERBY", "PATTERN", "get?it")).toEqual(["getbit"]);
  expect(client.ask("COMMAND", "LIST", "FILTERBY", "MODULE", "json")).toEqual([]);
  expect(client.ask("COMMAND", "LIST", "FILTERBY", "NAME", "get")).toBe("-ERR syntax error");
  expect(client.ask("COMMAND", "GETKEYSANDFLAGS", "RENAME", "a", "b")).toEqual([
    ["a", ["RW", "access", "delete"]],
    ["b", ["OW", "update"]],
  ]);
  expect(client.ask("COMMAND", "DOCS", "GET")).toMatchObject({ get: { complexity: "O(1)" } });
});

test("INFO has Redis' sections with what is true", () => {
  const { client } = connect();
  client.ask("SET", "bar", "1");
  const info = client.ask("INFO") as string;
  for (const line of ["loading:0", "cluster_enabled:1", "connected_clients:1", "db0:keys=1,expires=0,avg_ttl=0"]) {
    expect(info.split("\r\n")).toContain(line);
  }
  expect(info).toContain("# Server\r\nredis_version:7.2.0\r\n");
  expect(client.ask("INFO", "Keyspace")).toBe("# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n");
  expect(client.ask("INFO", "nosuch")).toBe("");
  expect(client.ask("DBSIZE")).toBe(1);
});

test("CLUSTER SLOTS: each range with its leader; also without a leader", () => {
  const { client, node } = connect();
  expect(client.ask("CLUSTER", "SLOTS")).toEqual([
    [0, 5460, ["127.0.0.1", 7379, hexId(1), []]],
    [5461, 10921, ["127.0.0.1", 7380, hexId(2), []]],
    [10922, 16383, ["10.0.0.3", 7381, hexId(3), []]],
  ]);
  node.leaderless = true;
  expect(client.ask("CLUSTER", "SLOTS")).toHaveLength(3);
});

test("CLUSTER SLOTS: who leads nothing is a replica, who leads something is none", () => {
  const { client } = connect(2);
  const [first, second] = client.ask("CLUSTER", "SLOTS") as [number, number, ...[string, number, string, Shown[]][]][];
  expect(first?.slice(2).map((member) => (member as Shown[])[2])).toEqual([hexId(1), hexId(3)]);
  expect(second?.slice(2).map((member) => (member as Shown[])[2])).toEqual([hexId(2), hexId(3)]);
});

test("CLUSTER SHARDS, NODES, INFO, MYID, KEYSLOT", () => {
  const { client, node } = connect(6);
  client.ask("HELLO", "3");
  const [shard] = client.ask("CLUSTER", "SHARDS") as { slots: Shown[]; nodes: Record<string, Shown>[] }[];
  expect(shard?.slots).toEqual([0, 2729]);
  expect(shard?.nodes[0]).toEqual({
    id: hexId(1),
    port: 7379,
    ip: "127.0.0.1",
    endpoint: "127.0.0.1",
    role: "master",
    "replication-offset": 0,
    health: "online",
  });
  expect(shard?.nodes.map((one) => one["role"])).toEqual(["master", "replica", "replica"]);
  expect(client.ask("CLUSTER", "NODES")).toBe(
    `${hexId(1)} 127.0.0.1:7379@7100 myself,master - 0 0 1 connected 0-2729 8192-10921\n` +
      `${hexId(2)} 127.0.0.1:7380@7101 master - 0 0 1 connected 2730-5460 10922-13652\n` +
      `${hexId(3)} 10.0.0.3:7381@7102 master - 0 0 1 connected 5461-8191 13653-16383\n`,
  );
  const info = client.ask("CLUSTER", "INFO") as string;
  expect(info.split("\r\n").slice(0, 7)).toEqual([
    "cluster_state:ok",
    "cluster_slots_assigned:16384",
    "cluster_slots_ok:16384",
    "cluster_slots_pfail:0",
    "cluster_slots_fail:0",
    "cluster_known_nodes:3",
    "cluster_size:3",
  ]);
  expect(client.ask("CLUSTER", "MYID")).toBe(node.id);
  expect(client.ask("CLUSTER", "KEYSLOT", "{foo}x")).toBe(12182);
  expect(client.ask("CLUSTER", "MEET", "a", "1")).toMatch(
    /^-ERR unknown subcommand 'MEET'.*changed by the sherd command/,
  );
  expect(client.ask("CLUSTER", "MYSHARDID")).toBe(node.id);
  expect(client.ask("CLUSTER", "LINKS")).toEqual([]);
  expect(client.ask("CLUSTER", "REPLICAS", hexId(2))).toEqual([]);
  expect(client.ask("CLUSTER", "SLAVES", "x")).toBe("-ERR Unknown node x");
  expect(client.ask("CLUSTER", "COUNT-FAILURE-REPORTS", hexId(2))).toBe(0);
  expect([client.ask("ASKING"), client.ask("READONLY"), client.ask("READWRITE")]).toEqual(["OK", "OK", "OK"]);
  node.leaderless = true;
  expect(client.ask("CLUSTER", "INFO")).toMatch(/^cluster_state:fail\r\n/);
  expect(client.ask("CLUSTER", "NODES")).not.toContain("0-2729");
});
