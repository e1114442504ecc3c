import { expect, test } from "vitest";
import { CLIENT_PAUSE_MS_MAX } from "../../base/index.ts";
import { fieldsOf, world } from "../testing/world.ts";

test("CLIENT LIST tells Redis' fields with what is true", () => {
  const { client, another, after } = world();
  client.ask("CLIENT", "SETNAME", "me");
  client.ask("CLIENT", "SETINFO", "LIB-NAME", "ioredis");
  client.send("WATCH", "{t}a", "{t}b");
  client.send("SET", "k", "v");
  after(61_500);
  client.take();
  client.ask("MULTI");
  client.ask("PING");
  client.sendRaw("*2\r\n$3\r\nGET\r\n$100\r\nhalf");
  after(2_000);
  const other = another();
  const mine = fieldsOf(other.ask("CLIENT", "LIST", "ID", "1"));
  expect(mine).toMatchObject({
    id: "1",
    addr: "127.0.0.1:5000",
    laddr: "127.0.0.1:7379",
    name: "me",
    age: "63",
    idle: "2",
    flags: "x",
    multi: "1",
    watch: "2",
    qbuf: "23",
    oll: "0",
    omem: "0",
    cmd: "ping",
    user: "default",
    "lib-name": "ioredis",
    resp: "2",
  });
  expect(Number(mine["tot-mem"])).toBeGreaterThan(1_000);
  // Redis 7.2 has these, in this order, and more of which there is nothing to tell here.
  expect(Object.keys(mine).slice(0, 9)).toEqual(["id", "addr", "laddr", "fd", "name", "age", "idle", "flags", "db"]);
  expect((other.ask("CLIENT", "LIST") as string).split("\n")).toHaveLength(3);
  expect(other.ask("CLIENT", "LIST", "TYPE", "pubsub")).toBe("");
  expect((other.ask("CLIENT", "LIST", "TYPE", "NORMAL") as string).split("\n")).toHaveLength(3);
  expect(other.ask("CLIENT", "LIST", "TYPE", "foo")).toBe("-ERR Unknown client type 'foo'");
  expect(other.ask("CLIENT", "LIST", "ID", "x")).toBe("-ERR Invalid client ID");
  expect(other.ask("CLIENT", "LIST", "ID")).toBe("-ERR syntax error");
  expect(fieldsOf(other.ask("CLIENT", "INFO"))["cmd"]).toBe("client|info");
});

test("replies that a client does not read are its memory", () => {
  const { client, another } = world();
  client.slow = true;
  client.send("ECHO", "x".repeat(5_000));
  const mine = fieldsOf(another().ask("CLIENT", "LIST", "ID", "1"));
  expect(Number(mine["omem"])).toBeGreaterThan(5_000);
  expect(Number(mine["tot-mem"])).toBeGreaterThan(5_000);
});

test("CLIENT KILL closes those that are meant, and nobody else", () => {
  const { client, another, connections, after } = world();
  const second = another();
  expect(client.ask("CLIENT", "KILL", "ID", String(second.connection.id))).toBe(1);
  expect(second.destroyed).toBe(true);
  expect(connections.size).toBe(1);
  expect(client.ask("CLIENT", "KILL", "ID", String(second.connection.id))).toBe(0);
  const third = another();
  expect(client.ask("CLIENT", "KILL", "ADDR", "127.0.0.1:5000")).toBe(1);
  expect(third.destroyed).toBe(true);
  expect(client.ask("CLIENT", "KILL", "LADDR", "127.0.0.1:9", "TYPE", "normal")).toBe(0);
  expect(client.ask("CLIENT", "KILL", "TYPE", "pubsub")).toBe(0);
  expect(client.ask("CLIENT", "KILL", "USER", "default", "SKIPME", "yes")).toBe(0);
  after(10_000);
  const young = another();
  expect(young.ask("CLIENT", "KILL", "MAXAGE", "10", "SKIPME", "yes")).toBe(1);
  expect([client.destroyed, young.destroyed]).toEqual([true, false]);
  // Itself: the answer leaves first.
  expect(young.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")).toBe(1);
  expect([young.closed, young.destroyed]).toEqual([true, false]);
});

test("CLIENT KILL in its old form, and with what it cannot read", () => {
  const { client, another } = world();
  expect(client.ask("CLIENT", "KILL", "1.1.1.1:1")).toBe("-ERR No such client");
  expect(client.ask("CLIENT", "KILL", "ID", "0")).toBe("-ERR client-id should be greater than 0");
  expect(client.ask("CLIENT", "KILL", "foo", "bar")).toBe("-ERR syntax error");
  expect(client.ask("CLIENT", "KILL", "TYPE", "foo")).toBe("-ERR Unknown client type 'foo'");
  expect(client.ask("CLIENT", "KILL", "USER", "eve")).toBe("-ERR No such user 'eve'");
  expect(client.ask("CLIENT", "KILL", "SKIPME", "maybe")).toBe("-ERR syntax error");
  expect(client.ask("CLIENT", "KILL", "ID", "1", "TYPE")).toBe("-ERR syntax error");
  const other = another();
  expect(other.ask("CLIENT", "KILL", "127.0.0.1:5000")).toBe("OK");
  expect([client.destroyed, other.closed]).toEqual([true, true]);
});

test("what a killed connection had under way goes on, unheard", () => {
  const { node, client, another } = world({ manual: true });
  client.send("SET", "k", "v");
  const other = another();
  other.ask("CLIENT", "KILL", "ID", "1");
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual([]);
  other.send("GET", "k");
  node.answerAll();
  node.pass();
  expect(other.take()).toEqual(["v"]);
});

test("CLIENT REPLY", () => {
  const { node, client } = world();
  client.pipeline(["CLIENT", "REPLY", "SKIP"], ["PING", "one"], ["PING", "two"]);
  expect(client.take()).toEqual(["two"]);
  client.pipeline(["CLIENT", "REPLY", "SKIP"], ["CLIENT", "REPLY", "SKIP"], ["PING", "one"], ["PING", "two"]);
  expect(client.take()).toEqual(["two"]);
  client.pipeline(["CLIENT", "REPLY", "SKIP"], ["SET", "k", "v"], ["GET", "k"]);
  node.pass();
  expect(client.take()).toEqual(["v"]);
  client.pipeline(["CLIENT", "REPLY", "OFF"], ["PING"], ["NOSUCH"], ["SET", "k", "w"], ["CLIENT", "REPLY", "SKIP"]);
  node.pass();
  client.send("PING");
  expect(client.take()).toEqual([]);
  expect(client.ask("CLIENT", "REPLY", "ON")).toBe("OK");
  client.send("GET", "k");
  node.pass();
  expect(client.take()).toEqual(["w"]);
  expect(client.ask("CLIENT", "REPLY", "foo")).toBe("-ERR syntax error");
  client.send("CLIENT", "REPLY", "OFF");
  expect(client.ask("RESET")).toBe("RESET");
});

test("CLIENT PAUSE WRITE holds writes back, in order; reads before them go on", () => {
  const { node, client, another, after } = world();
  expect(another().ask("CLIENT", "PAUSE", "1000", "WRITE")).toBe("OK");
  client.send("GET", "k");
  node.pass();
  expect(client.take()).toEqual([null]);
  client.pipeline(["GET", "k"], ["SET", "k", "v"], ["GET", "k"], ["PING"]);
  after(950);
  expect(client.take()).toEqual([null]);
  after(50);
  node.pass();
  expect(client.take()).toEqual(["OK", "v", "PONG"]);
});

test("CLIENT PAUSE ALL holds everything back but CLIENT itself; UNPAUSE ends it", () => {
  const { node, client, another } = world();
  const operator = another();
  expect(operator.ask("CLIENT", "PAUSE", "100000")).toBe("OK");
  client.pipeline(["PING"], ["GET", "k"]);
  // What is held back counts as waiting: the client may close its side and still gets its answers.
  client.connection.onEnd();
  node.pass();
  expect(client.take()).toEqual([]);
  expect(operator.ask("CLIENT", "UNPAUSE")).toBe("OK");
  node.pass();
  node.pass();
  expect(client.take()).toEqual(["PONG", null]);
  expect(client.closed).toBe(true);
});

test("a transaction that writes is held back as a whole; one that only reads is not", () => {
  const { node, client, another } = world();
  const operator = another();
  operator.ask("CLIENT", "PAUSE", "100000", "WRITE");
  client.pipeline(["MULTI"], ["GET", "k"], ["EXEC"], ["MULTI"], ["SET", "k", "1"], ["EXEC"], ["PING"]);
  node.pass();
  node.pass();
  expect(client.take()).toEqual(["OK", "QUEUED", [null], "OK", "QUEUED"]);
  operator.ask("CLIENT", "UNPAUSE");
  node.pass();
  node.pass();
  expect(client.take()).toEqual([["OK"], "PONG"]);
});

test("of two pauses the stricter and the longer counts; a node that stops pauses nobody", () => {
  const { node, client, another, after } = world();
  const operator = another();
  operator.ask("CLIENT", "PAUSE", "1000", "ALL");
  operator.ask("CLIENT", "PAUSE", "3000", "WRITE");
  client.send("PING");
  after(2_000);
  expect(client.take()).toEqual([]);
  client.connection.retire();
  node.pass();
  expect(client.take()).toEqual(["PONG"]);
});

test("arguments of CLIENT as Redis checks them", () => {
  const { client } = world();
  const answers = {
    "pause x": "timeout is not an integer or out of range",
    "pause -1": "timeout is negative",
    "pause 10 foo": "CLIENT PAUSE mode must be WRITE or ALL",
    [`pause ${CLIENT_PAUSE_MS_MAX + 1}`]: `timeout is out of range: at most ${CLIENT_PAUSE_MS_MAX} ms`,
    "no-evict foo": "syntax error",
    "tracking foo": "syntax error",
    "tracking on": "keys are not tracked here: sherd has no server-assisted client-side caching",
    "unblock x": "value is not an integer or out of range",
    "unblock 9 foo": "CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
    "caching yes":
      "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
    kill: "wrong number of arguments for 'client|kill' command",
    foo: "unknown subcommand 'foo'. Try CLIENT HELP.",
  };
  for (const [line, error] of Object.entries(answers)) {
    expect(client.ask("CLIENT", ...line.split(" ")), line).toBe(`-ERR ${error}`);
  }
  expect(client.ask("CLIENT", "GETREDIR")).toBe(-1);
  expect(client.ask("CLIENT", "TRACKINGINFO")).toEqual(["flags", ["off"], "redirect", -1, "prefixes", []]);
  expect(client.ask("CLIENT", "TRACKING", "OFF")).toBe("OK");
  expect(client.ask("CLIENT", "UNBLOCK", "99")).toBe(0);
  expect(client.ask("CLIENT", "NO-EVICT", "ON")).toBe("OK");
});
