import { expect, test } from "vitest";
import { CONNECTIONS_MAX, SLOWLOG_LENGTH_MAX } from "../../base/index.ts";
import { world } from "../testing/world.ts";

const failed = (name: string, why: string): string =>
  `-ERR CONFIG SET failed (possibly related to argument '${name}') - ${why}`;

test("CONFIG GET: several patterns, in any case, what has a meaning with its true value", () => {
  const { client } = world();
  expect(client.ask("CONFIG", "GET", "save")).toEqual(["save", ""]);
  expect(client.ask("CONFIG", "GET", "append[fo]*", "APPENDFSYNC")).toEqual([
    "appendfsync",
    "always",
    "appendonly",
    "yes",
  ]);
  expect(client.ask("CONFIG", "GET", "timeou?", "port", "dir")).toEqual([
    "dir",
    "/data/node-1",
    "timeout",
    "0",
    "port",
    "6379",
  ]);
  expect(client.ask("CONFIG", "GET", "maxclients")).toEqual(["maxclients", String(CONNECTIONS_MAX)]);
  expect(client.ask("CONFIG", "GET", "nosuch")).toEqual([]);
  // A pattern that a backtracking matcher would never finish.
  expect(client.ask("CONFIG", "GET", `${"*a".repeat(60)}!`)).toEqual([]);
});

test("CONFIG SET puts all in force or none", () => {
  const { client, connections } = world();
  expect(client.ask("CONFIG", "SET", "timeout", "100", "slowlog-max-len", "5")).toBe("OK");
  expect(client.ask("CONFIG", "GET", "timeout", "slowlog-max-len")).toEqual(["slowlog-max-len", "5", "timeout", "100"]);
  expect(client.ask("CONFIG", "SET", "timeout", "7", "maxclients", "x")).toBe(
    failed("maxclients", "argument couldn't be parsed into an integer"),
  );
  expect(connections.settings.timeoutSeconds).toBe(100);
  expect(client.ask("CONFIG", "SET", "timeout", "1", "TIMEOUT", "2")).toBe(failed("timeout", "duplicate parameter"));
  expect(client.ask("CONFIG", "SET", "timeout", "1", "maxclients")).toBe("-ERR syntax error");
  expect(client.ask("CONFIG", "SET", "timeout")).toBe("-ERR wrong number of arguments for 'config|set' command");
  expect(client.ask("CONFIG", "SET", "nosuch", "1")).toBe(
    "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
  );
});

test("values are checked as Redis checks them", () => {
  const { client } = world();
  const rows: [string, string, string][] = [
    ["timeout", "-1", "argument must be between 0 and 2147483647 inclusive"],
    ["maxclients", "10001", "argument must be between 1 and 10000 inclusive"],
    ["slowlog-max-len", "10001", `argument must be between 0 and ${SLOWLOG_LENGTH_MAX} inclusive`],
    ["activedefrag", "maybe", "argument must be 'yes' or 'no'"],
    ["hz", "x", "argument couldn't be parsed into an integer"],
    ["hll-sparse-max-bytes", "x", "argument must be a memory value"],
    ["save", "900 1 x", "Invalid save parameters"],
    ["notify-keyspace-events", "foo", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
  ];
  for (const [name, value, why] of rows) {
    expect(client.ask("CONFIG", "SET", name, value), name).toBe(failed(name, why));
  }
});

test("what cannot be changed is taken when it is the same, and says why when it is not", () => {
  const { client } = world();
  expect(client.ask("CONFIG", "SET", "appendonly", "YES", "maxmemory", "0")).toBe("OK");
  expect(client.ask("CONFIG", "SET", "appendonly", "no")).toBe(
    failed("appendonly", "can't be set to 'no': every acknowledged write is synced on a majority's disks, always"),
  );
  expect(client.ask("CONFIG", "SET", "maxmemory", "100mb")).toMatch(/keys are on disk and never evicted/);
  expect(client.ask("CONFIG", "SET", "databases", "16")).toMatch(/there is one database/);
});

test("what has no meaning is remembered: frameworks set it when they start", () => {
  const { client } = world();
  // Spring Session reads it, adds what is missing, and does not start when it cannot be set.
  expect(client.ask("CONFIG", "GET", "notify-keyspace-events")).toEqual(["notify-keyspace-events", ""]);
  expect(client.ask("CONFIG", "SET", "notify-keyspace-events", "Egx")).toBe("OK");
  expect(client.ask("CONFIG", "GET", "notify-keyspace-events")).toEqual(["notify-keyspace-events", "gxE"]);
  client.ask("CONFIG", "SET", "notify-keyspace-events", "KEA");
  expect(client.ask("CONFIG", "GET", "notify-keyspace-events")).toEqual(["notify-keyspace-events", "AKE"]);
  expect(client.ask("CONFIG", "SET", "save", "900 1 300 10", "hz", "100")).toBe("OK");
  expect(client.ask("CONFIG", "GET", "save", "hz")).toEqual(["hz", "100", "save", "900 1 300 10"]);
});

test("maxclients counts at once", () => {
  const { client, another, connections } = world();
  expect(client.ask("CONFIG", "SET", "maxclients", "2")).toBe("OK");
  another();
  expect(() => another()).toThrow("refused");
  expect(connections.rejected).toBe(1);
});

test("CONFIG REWRITE and HELP", () => {
  const { client } = world();
  expect(client.ask("CONFIG", "REWRITE")).toMatch(/^-ERR The server is running without a config file/);
  expect(client.ask("CONFIG", "HELP")).toContain("RESETSTAT");
  expect(client.ask("CONFIG", "foo")).toBe("-ERR unknown subcommand 'foo'. Try CONFIG HELP.");
});
