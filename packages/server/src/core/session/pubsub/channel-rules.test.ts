import { beforeEach, expect, test } from "vitest";
import { Connections } from "../connections.ts";
import { FakeClient, testFacts } from "../testing/fake-client.ts";
import { FakeNode } from "../testing/fake-node.ts";

let node: FakeNode;
let admin: FakeClient;
let alice: FakeClient;

beforeEach(() => {
  node = new FakeNode();
  const connections = new Connections(node, testFacts);
  admin = new FakeClient(connections);
  alice = new FakeClient(connections);
  admin.ask("ACL", "SETUSER", "alice", "on", ">pw", "+@all", "~*", "resetchannels", "&news.*", "&jobs");
  alice.ask("HELLO", "3", "AUTH", "alice", "pw");
});

const DENIED = "-NOPERM No permissions to access a channel";

test("a user publishes and subscribes to the channels of the rules; patterns must be rules as they are", () => {
  expect(alice.ask("SUBSCRIBE", "news.a")).toEqual([">", "subscribe", "news.a", 1]);
  expect(alice.ask("SUBSCRIBE", "news.b", "other")).toBe(DENIED);
  expect(alice.ask("SSUBSCRIBE", "jobs")).toEqual([">", "ssubscribe", "jobs", 1]);
  expect(alice.ask("SSUBSCRIBE", "other")).toBe(DENIED);
  expect(alice.ask("PSUBSCRIBE", "news.*")).toEqual([">", "psubscribe", "news.*", 2]);
  expect(alice.ask("PSUBSCRIBE", "news.a*")).toBe(DENIED);
  expect(alice.ask("PUBLISH", "jobs", "x")).toBe(0);
  expect(alice.ask("PUBLISH", "other", "x")).toBe(DENIED);
  expect(alice.ask("SPUBLISH", "other", "x")).toBe(DENIED);
  // Nobody needs a right to hear less.
  expect(alice.ask("UNSUBSCRIBE", "other")).toEqual([">", "unsubscribe", "other", 2]);
});

test("who listens to what is no longer allowed is closed; who does not, stays", () => {
  alice.ask("SUBSCRIBE", "news.a");
  admin.ask("ACL", "SETUSER", "alice", "resetchannels", "&news.*");
  node.pass();
  expect(alice.closed).toBe(false);
  admin.ask("ACL", "SETUSER", "alice", "resetchannels", "&jobs");
  node.pass();
  expect(alice.closed).toBe(true);
  expect(admin.ask("PUBLISH", "news.a", "secret")).toBe(0);
});

test("a pattern stays only as long as it is a rule itself", () => {
  alice.ask("PSUBSCRIBE", "news.*");
  admin.ask("ACL", "SETUSER", "alice", "resetchannels", "&news.a*", "&*.b");
  node.pass();
  expect(alice.closed).toBe(true);
});
