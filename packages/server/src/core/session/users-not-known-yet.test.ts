import { expect, test } from "vitest";
import { testSecrets } from "../access/testing/rules.ts";
import { AUTH_FAILURES_MAX, LEADERLESS_HOLD_MS, STRANGER_ARG_BYTES_MAX, utf8Bytes } from "../base/index.ts";
import { type World, world } from "./testing/world.ts";

const NOT_IN = "-NOAUTH Authentication required.";
const WRONG = "-WRONGPASS invalid username-password pair or user is disabled.";
const LOADING = expect.stringMatching(/^-LOADING the node has not heard/) as string;
const PW = testSecrets.sha256Hex(utf8Bytes("pw"));

/** A node that has just started, knows Alice as of its last start, and has not heard from the meta group. */
function justStarted(rulesOfDefault = "on nopass ~* &* +@all"): World {
  const list = [
    { name: "alice", rules: `on #${PW} ~* &* +@all` },
    { name: "guest", rules: "on nopass ~* &* +@all" },
    { name: "default", rules: rulesOfDefault },
  ];
  return world({ mapIsCurrent: false, users: { version: 5, list } });
}

test("a moment after a start, whoever brings no password waits for the users of now, and is let in if there are none", () => {
  const { node, client } = justStarted();
  client.pipeline(["SET", "a", "x".repeat(STRANGER_ARG_BYTES_MAX + 1)], ["STRLEN", "a"]);
  client.send("PING");
  expect([client.take(), client.paused, node.executed]).toEqual([[], true, []]);
  node.hearOfMap();
  node.pass();
  expect(client.take()).toEqual(["OK", STRANGER_ARG_BYTES_MAX + 1, "PONG"]);
  expect(client.paused).toBe(false);
});

test("a moment after a start, and a password is wanted by now: what waited is refused", () => {
  const { node, client } = justStarted();
  client.pipeline(["SET", "a", "1"], ["AUTH", "pw"], ["AUTH", "alice", "pw"], ["ACL", "WHOAMI"]);
  node.mapIsCurrent = true;
  node.changeUsers(
    (users) => [...users.filter(({ name }) => name !== "default"), { name: "default", rules: "on ~* &* +@all" }],
    () => {},
  );
  node.pass();
  expect(client.take()).toEqual([NOT_IN, WRONG, "OK", "alice"]);
  expect(node.rows.size).toBe(0);
});

test("where the meta group is not heard of for long, only a password that was known lets in", () => {
  const { node, client, another, after, connections } = justStarted();
  client.send("GET", "a");
  expect(client.take()).toEqual([]);
  after(LEADERLESS_HOLD_MS);
  expect(client.take()).toEqual([LOADING]);
  for (const command of [["GET", "a"], ["PING"], ["NOSUCH"], ["WATCH", "a"], ["ACL", "SETUSER", "x"], ["INFO"]]) {
    expect(client.ask(...command), command.join(" ")).toEqual(LOADING);
  }
  expect(client.ask("AUTH", "guest", "anything")).toEqual(LOADING);
  expect(client.ask("AUTH", "default", "")).toEqual(LOADING);
  expect(client.ask("HELLO", "3", "AUTH", "alice", "wrong")).toEqual(LOADING);
  // As in a Redis that loads.
  expect(client.ask("HELLO", "3")).toMatchObject({ server: "redis", proto: 3 });
  expect(client.ask("RESET")).toBe("RESET");
  expect(client.ask("AUTH", "alice", "pw")).toBe("OK");
  expect(client.ask("GET", "a")).toBe(null);
  // A value that is larger than those of strangers may be: nobody is a stranger for having come early.
  const early = another();
  const large = "x".repeat(STRANGER_ARG_BYTES_MAX + 1);
  early.pipeline(["SET", "a", large], ["MSET", ...Array.from({ length: 10 }, () => "x")], ["PING"]);
  early.pipeline(["MULTI"], ["SET", "a", large], ["EXEC"]);
  expect(early.take()).toEqual([LOADING, LOADING, LOADING, "OK", LOADING, expect.stringMatching(/^-EXECABORT/)]);
  const guesser = another();
  for (let n = 0; n < AUTH_FAILURES_MAX; n += 1) expect(guesser.ask("AUTH", "alice", `guess ${n}`)).toEqual(LOADING);
  expect([guesser.closed, node.complaints, connections.access.log.entries]).toEqual([true, [], []]);
  const stranger = another();
  expect(stranger.ask("PING")).toEqual(LOADING);
  node.hearOfMap();
  expect(stranger.ask("PING")).toBe("PONG");
  expect(stranger.ask("AUTH", "guest", "anything")).toBe("OK");
  expect(early.ask("SET", "a", large)).toBe("OK");
});

test("who was let in by what was known last leaves when it is heard that there is no such user any more", () => {
  const { node, client, after } = justStarted();
  after(LEADERLESS_HOLD_MS);
  expect(client.ask("AUTH", "alice", "pw")).toBe("OK");
  node.mapIsCurrent = true;
  node.changeUsers(
    () => [],
    () => {},
  );
  node.pass();
  expect(client.closed).toBe(true);
});

test("a node that knows that a password is wanted says so at once, and takes it", () => {
  const { client } = justStarted(`on #${PW} ~* &* +@all`);
  expect(client.ask("GET", "a")).toBe(NOT_IN);
  expect(client.ask("HELLO", "3")).toMatch(/^-NOAUTH/);
  expect(client.ask("AUTH", "pw")).toBe("OK");
  expect(client.ask("GET", "a")).toBe(null);
});

test("a transaction that began before it was known who sends it is not run, nor are its commands one by one", () => {
  const { node, another, after } = justStarted();
  after(LEADERLESS_HOLD_MS);
  const [before, within] = [another(), another()];
  before.pipeline(["MULTI"], ["SET", "a", "1"]);
  within.send("MULTI");
  node.hearOfMap();
  for (const client of [before, within]) client.pipeline(["SET", "b", "1"], ["EXEC"], ["PING"]);
  expect(before.take()).toEqual(["OK", LOADING, "QUEUED", expect.stringMatching(/^-EXECABORT/), "PONG"]);
  expect(within.take()).toEqual(["OK", "QUEUED", expect.stringMatching(/^-EXECABORT .* LOADING/), "PONG"]);
  expect(node.rows.size).toBe(0);
});

test("a node that stops does not wait to hear who may come in", () => {
  const { node, client } = justStarted();
  client.send("GET", "a");
  client.connection.retire();
  node.pass();
  expect([client.take(), client.closed]).toEqual([[LOADING], true]);
});
