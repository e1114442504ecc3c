import { keySlot } from "@sherd/client/protocol";
import { beforeEach, describe, expect, test } from "vitest";
import {
  CHANNEL_BYTES_MAX,
  CONNECTION_SUBSCRIPTIONS_MAX,
  PATTERNS_SEARCH_BYTES_MAX,
  REPLY_UNCOPIED_BYTES_MIN,
  slot,
  utf8Bytes,
} from "../../base/index.ts";
import { Connections } from "../connections.ts";
import { FakeClient, type Shown, testFacts } from "../testing/fake-client.ts";
import { FakeNode, type FakeNodeOptions } from "../testing/fake-node.ts";
import { Subscriber } from "./index.ts";

let node: FakeNode;
let connections: Connections;

function begin(options: FakeNodeOptions = {}): void {
  node = new FakeNode(options);
  connections = new Connections(node, testFacts);
}
beforeEach(() => begin());

function client(resp: 2 | 3 = 2, redirect = false): FakeClient {
  const opened = new FakeClient(connections, redirect);
  if (resp === 3) opened.ask("HELLO", "3");
  return opened;
}

/** What a client was sent by the end of this pass. */
function heard(by: FakeClient): Shown[] {
  node.pass();
  return by.take();
}

/** All replies to one command, which may be several. */
function all(by: FakeClient, ...args: (string | Uint8Array)[]): Shown[] {
  by.send(...args);
  return by.take();
}

const denied = (name: string): string =>
  `-ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`;

describe("a client of RESP2", () => {
  test("gets a reply for each channel, with what it listens to by then", () => {
    const it = client();
    expect(all(it, "SUBSCRIBE", "a", "b", "a")).toEqual([
      ["subscribe", "a", 1],
      ["subscribe", "b", 2],
      ["subscribe", "a", 2],
    ]);
    expect(all(it, "PSUBSCRIBE", "p*")).toEqual([["psubscribe", "p*", 3]]);
    expect(all(it, "SSUBSCRIBE", "s")).toEqual([["ssubscribe", "s", 1]]);
    expect(all(it, "UNSUBSCRIBE", "b", "z")).toEqual([
      ["unsubscribe", "b", 2],
      ["unsubscribe", "z", 2],
    ]);
    expect(all(it, "UNSUBSCRIBE")).toEqual([["unsubscribe", "a", 1]]);
    expect(all(it, "UNSUBSCRIBE")).toEqual([["unsubscribe", null, 1]]);
    expect(all(it, "PUNSUBSCRIBE")).toEqual([["punsubscribe", "p*", 0]]);
    expect(all(it, "SUNSUBSCRIBE")).toEqual([["sunsubscribe", "s", 0]]);
    expect(all(it, "SUNSUBSCRIBE")).toEqual([["sunsubscribe", null, 0]]);
  });

  test("may send little else while it listens, and everything afterwards", () => {
    const it = client();
    all(it, "SUBSCRIBE", "a");
    expect(it.ask("GET", "k")).toBe(denied("get"));
    expect(it.ask("MULTI")).toBe(denied("multi"));
    expect(it.ask("PUBLISH", "a", "x")).toBe(denied("publish"));
    expect(it.ask("CLIENT", "LIST")).toBe(denied("client|list"));
    expect(it.ask("CLIENT", "NONE")).toMatch(/^-ERR unknown subcommand/);
    expect(it.ask("GET")).toBe("-ERR wrong number of arguments for 'get' command");
    expect(it.ask("NONE")).toMatch(/^-ERR unknown command/);
    expect(it.ask("PING")).toEqual(["pong", ""]);
    expect(it.ask("PING", "hi")).toEqual(["pong", "hi"]);
    expect(it.ask("PING", "a", "b")).toBe("-ERR wrong number of arguments for 'ping' command");
    all(it, "UNSUBSCRIBE");
    expect(it.ask("PING")).toBe("PONG");
    expect(it.ask("GET", "k")).toBe(null);
  });

  test("is let out by RESET and by QUIT", () => {
    const it = client();
    all(it, "SUBSCRIBE", "a");
    all(it, "PSUBSCRIBE", "*");
    expect(it.ask("RESET")).toBe("RESET");
    expect(it.ask("GET", "k")).toBe(null);
    expect(connections.pubsub.publish(false, utf8Bytes("a"), utf8Bytes("x"))).toBe(0);
    all(it, "SUBSCRIBE", "a");
    expect(it.ask("QUIT")).toBe("OK");
    expect(it.closed).toBe(true);
  });

  test("that switches from RESP3 while it listens has the same rules from then on", () => {
    const it = client(3);
    all(it, "SUBSCRIBE", "a");
    expect(it.ask("GET", "k")).toBe(null);
    it.ask("HELLO", "2");
    expect(it.ask("GET", "k")).toBe(denied("get"));
  });
});

test("a client of RESP3 gets pushes, and may send anything", () => {
  const it = client(3);
  expect(all(it, "SUBSCRIBE", "a", "b")).toEqual([
    [">", "subscribe", "a", 1],
    [">", "subscribe", "b", 2],
  ]);
  expect(it.ask("PING")).toBe("PONG");
  // Its own message comes first, as in Redis.
  expect(all(it, "PUBLISH", "a", "hi")).toEqual([[">", "message", "a", "hi"], 1]);
  expect(all(it, "UNSUBSCRIBE")).toEqual([
    [">", "unsubscribe", "a", 1],
    [">", "unsubscribe", "b", 0],
  ]);
});

test("a message reaches each subscription of each client once, in the order of publishing", () => {
  const [both, byPattern, other, publisher] = [client(), client(3), client(), client()];
  all(both, "SUBSCRIBE", "news.a", "x");
  all(both, "PSUBSCRIBE", "news.*", "*");
  all(byPattern, "PSUBSCRIBE", "news.?");
  all(other, "SUBSCRIBE", "news.b");
  publisher.pipeline(["PUBLISH", "news.a", "1"], ["PUBLISH", "news.a", "2"], ["PUBLISH", "none", "3"]);
  expect(publisher.take()).toEqual([4, 4, 1]);
  const twice = (text: string): Shown[] => [
    ["message", "news.a", text],
    ["pmessage", "news.*", "news.a", text],
    ["pmessage", "*", "news.a", text],
  ];
  expect(heard(both)).toEqual([...twice("1"), ...twice("2"), ["pmessage", "*", "none", "3"]]);
  expect(heard(byPattern)).toEqual(["1", "2"].map((text) => [">", "pmessage", "news.?", "news.a", text]));
  expect(heard(other)).toEqual([]);
  expect(node.published.map(({ message }) => message)).toEqual(["1", "2", "3"]);
});

test("shard channels are other channels, which no pattern meets", () => {
  const [sharded, plain, publisher] = [client(), client(), client()];
  all(sharded, "SSUBSCRIBE", "c");
  all(plain, "SUBSCRIBE", "c");
  all(plain, "PSUBSCRIBE", "*");
  expect(publisher.ask("SPUBLISH", "c", "s")).toBe(1);
  expect(publisher.ask("PUBLISH", "c", "p")).toBe(2);
  expect(heard(sharded)).toEqual([["smessage", "c", "s"]]);
  expect(heard(plain)).toEqual([
    ["message", "c", "p"],
    ["pmessage", "*", "c", "p"],
  ]);
  expect(node.published.map(({ sharded: which }) => which)).toEqual([true, false]);
});

test("what another node publishes is told here, and to no third", () => {
  const it = client();
  all(it, "SUBSCRIBE", "c");
  all(it, "SSUBSCRIBE", "c");
  const large = new Uint8Array(REPLY_UNCOPIED_BYTES_MIN).fill(0x61);
  node.hear({ sharded: false, channel: utf8Bytes("c"), message: utf8Bytes("small") });
  node.hear({ sharded: true, channel: utf8Bytes("c"), message: large });
  expect(heard(it)).toEqual([
    ["message", "c", "small"],
    ["smessage", "c", "a".repeat(large.length)],
  ]);
  expect(node.published).toEqual([]);
});

test("a client that is gone is told nothing, and leaves nothing behind", () => {
  const [gone, stays] = [client(), client()];
  for (const each of [gone, stays]) {
    all(each, "SUBSCRIBE", "c");
    all(each, "PSUBSCRIBE", "*");
    all(each, "SSUBSCRIBE", "c");
  }
  gone.close();
  expect(connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("x"))).toBe(2);
  stays.close();
  const { channelCount, patternCount, shardChannelCount } = connections.pubsub;
  expect([channelCount, patternCount, shardChannelCount]).toEqual([0, 0, 0]);
});

test("PUBSUB tells of this node's subscribers", () => {
  const [one, two, asks] = [client(), client(), client()];
  all(one, "SUBSCRIBE", "news.a", "other");
  all(two, "SUBSCRIBE", "news.a");
  all(two, "PSUBSCRIBE", "*", "news.*");
  all(one, "PSUBSCRIBE", "*");
  all(one, "SSUBSCRIBE", "s");
  expect(asks.ask("PUBSUB", "CHANNELS")).toEqual(["news.a", "other"]);
  expect(asks.ask("PUBSUB", "CHANNELS", "n*")).toEqual(["news.a"]);
  expect(asks.ask("PUBSUB", "CHANNELS", "n*", "x")).toBe(
    "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
  );
  expect(asks.ask("PUBSUB", "NUMSUB")).toEqual([]);
  expect(asks.ask("PUBSUB", "NUMSUB", "news.a", "s", "none")).toEqual(["news.a", 2, "s", 0, "none", 0]);
  expect(asks.ask("PUBSUB", "NUMPAT")).toBe(2);
  expect(asks.ask("PUBSUB", "NUMPAT", "x")).toBe("-ERR wrong number of arguments for 'pubsub|numpat' command");
  expect(asks.ask("PUBSUB", "SHARDCHANNELS")).toEqual(["s"]);
  expect(asks.ask("PUBSUB", "SHARDNUMSUB", "s", "news.a")).toEqual(["s", 1, "news.a", 0]);
  expect(asks.ask("PUBSUB", "NONE")).toBe("-ERR unknown subcommand 'NONE'. Try PUBSUB HELP.");
  expect((asks.ask("PUBSUB", "HELP") as string[])[0]).toContain("PUBSUB");
  const info = asks.ask("INFO", "stats") as string;
  expect(info).toContain("pubsub_channels:2\r\npubsub_patterns:2\r\npubsubshard_channels:1\r\n");
});

describe("behind MULTI", () => {
  test("SUBSCRIBE and PUBLISH run at EXEC, SSUBSCRIBE is refused there", () => {
    const it = client();
    it.ask("MULTI");
    for (const command of [["SUBSCRIBE", "a"], ["PUBLISH", "b", "x"], ["SSUBSCRIBE", "a"], ["PING"]]) {
      expect(it.ask(...command)).toBe("QUEUED");
    }
    const refused = "-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
    expect(it.ask("EXEC")).toEqual([["subscribe", "a", 1], 0, refused, ["pong", ""]]);
    expect(it.ask("GET", "k")).toBe(denied("get"));
  });

  test("several channels get several replies: the array is too short by then, as in Redis", () => {
    const it = client(3);
    it.ask("MULTI");
    it.ask("SUBSCRIBE", "a", "b");
    it.send("EXEC");
    expect(it.take()).toEqual([[[">", "subscribe", "a", 1]], [">", "subscribe", "b", 2]]);
  });

  test("a message that comes before EXEC is answered waits for that in RESP2, where it would pass for the answer", () => {
    begin({ manual: true });
    const it = client();
    it.pipeline(["MULTI"], ["SUBSCRIBE", "c"], ["SET", "k", "v"], ["EXEC"], ["GET", "k"], ["CLIENT", "ID"]);
    // The first shard command is open: a transaction without keys is done at once all the same.
    const second = client();
    second.pipeline(["SET", "other", "1"], ["MULTI"], ["SUBSCRIBE", "c"], ["EXEC"]);
    expect(connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("early"))).toBe(1);
    expect(heard(second)).toEqual([]);
    node.answerAll();
    node.pass();
    expect(second.take()).toEqual(["OK", "OK", "QUEUED", [["subscribe", "c", 1]], ["message", "c", "early"]]);
    // What stood behind EXEC came before the client listened, and is judged when it runs.
    expect(it.take()).toEqual([
      "OK",
      "QUEUED",
      "QUEUED",
      [["subscribe", "c", 1], "OK"],
      denied("get"),
      denied("client|id"),
    ]);
  });

  test("a client that leaves before its EXEC is answered leaves no subscription behind", () => {
    begin({ manual: true });
    const it = client();
    it.pipeline(["MULTI"], ["SUBSCRIBE", "c"], ["PSUBSCRIBE", "*"], ["SSUBSCRIBE", "c"], ["SET", "k", "v"], ["EXEC"]);
    it.close();
    node.answerAll();
    node.pass();
    expect(connections.pubsub.channelCount + connections.pubsub.patternCount).toBe(0);
    expect(connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("x"))).toBe(0);
  });

  test("CLIENT REPLY concerns replies: messages and what SUBSCRIBE answers are sent all the same", () => {
    begin({ manual: true });
    const it = client();
    it.pipeline(["CLIENT", "REPLY", "SKIP"], ["SET", "k", "v"], ["MULTI"], ["SUBSCRIBE", "c"], ["EXEC"]);
    connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("early"));
    node.answerAll();
    node.pass();
    expect(it.take()).toEqual(["OK", "QUEUED", [["subscribe", "c", 1]], ["message", "c", "early"]]);
    const off = client();
    off.pipeline(["CLIENT", "REPLY", "OFF"], ["SUBSCRIBE", "c"], ["PING"]);
    connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("x"));
    expect(heard(off)).toEqual([
      ["subscribe", "c", 1],
      ["message", "c", "x"],
    ]);
  });

  test("in RESP3 it need not wait", () => {
    begin({ manual: true });
    const it = client(3);
    all(it, "SUBSCRIBE", "c");
    it.send("GET", "k");
    connections.pubsub.publish(false, utf8Bytes("c"), utf8Bytes("x"));
    expect(heard(it)).toEqual([[">", "message", "c", "x"]]);
    node.answerAll();
    expect(heard(it)).toEqual([null]);
  });
});

describe("shard channels", () => {
  const TWO_NODES: FakeNodeOptions = { shards: 2, nodes: [{ clusterPort: 1001 }, { clusterPort: 1002 }] };
  const led = (here: boolean): string =>
    ["a", "b", "c", "d", "e"].find((name) => {
      const group = node.shardOf(slot(keySlot(utf8Bytes(name))));
      return (group !== undefined && node.leaderOf(group)?.node === node.id) === here;
    }) as string;

  test("the cluster port sends clients to the leader of the channel's slot, but never away from what they have", () => {
    begin(TWO_NODES);
    const it = client(3, true);
    const far = led(false);
    const moved = new RegExp(`^-MOVED ${keySlot(utf8Bytes(far))} 127.0.0.1:1002$`);
    expect(it.ask("SSUBSCRIBE", far)).toMatch(moved);
    expect(it.ask("SPUBLISH", far, "x")).toMatch(moved);
    expect(it.ask("SUNSUBSCRIBE", far)).toEqual([">", "sunsubscribe", far, 0]);
    expect(it.ask("SSUBSCRIBE", led(true))).toEqual([">", "ssubscribe", led(true), 1]);
    expect(it.ask("SPUBLISH", led(false), "x")).toMatch(moved);
    expect(it.ask("SSUBSCRIBE", "a", "b")).toMatch(/^-CROSSSLOT /);
    expect(it.ask("PUBLISH", far, "x")).toBe(0);
    node.leaderless = true;
    expect(it.ask("SPUBLISH", far, "x")).toBe(0);
  });

  test("the forwarding port takes them all", () => {
    begin(TWO_NODES);
    const it = client(3);
    expect(all(it, "SSUBSCRIBE", led(true), led(false))).toHaveLength(2);
    expect(all(it, "SPUBLISH", led(false), "x")).toEqual([[">", "smessage", led(false), "x"], 1]);
  });
});

describe("limits", () => {
  const long = "c".repeat(CHANNEL_BYTES_MAX + 1);

  test("of a channel's name", () => {
    const it = client(3);
    const error = `-ERR the name of a channel is ${long.length} bytes long; at most ${CHANNEL_BYTES_MAX} are allowed`;
    expect(it.ask("SUBSCRIBE", "fine", long)).toBe(error);
    expect(it.ask("PSUBSCRIBE", long)).toBe(error);
    expect(it.ask("PUBLISH", long, "x")).toBe(error);
    expect(connections.pubsub.channelCount).toBe(0);
    expect(all(it, "SUBSCRIBE", long.slice(1))).toHaveLength(1);
  });

  test("of the subscriptions of a connection, whatever they are", () => {
    const it = client(3);
    const names = Array.from({ length: CONNECTION_SUBSCRIPTIONS_MAX - 1 }, (_, n) => `c${n}`);
    expect(all(it, "SUBSCRIBE", ...names)).toHaveLength(names.length);
    expect(it.ask("PSUBSCRIBE", "a", "b")).toMatch(/^-ERR a connection has at most/);
    expect(connections.pubsub.patternCount).toBe(0);
    expect(all(it, "PSUBSCRIBE", "a")).toHaveLength(1);
    expect(it.ask("SSUBSCRIBE", "s")).toMatch(/^-ERR a connection has at most/);
    // What it has it may ask for again.
    expect(all(it, "SUBSCRIBE", "c1")).toEqual([[">", "subscribe", "c1", CONNECTION_SUBSCRIPTIONS_MAX]]);
    expect(all(it, "UNSUBSCRIBE")).toHaveLength(names.length);
    expect(all(it, "SSUBSCRIBE", "s")).toHaveLength(1);
  });

  test("of the memory that all subscriptions of the node take; what ends gives it back", () => {
    const { pubsub } = connections;
    const names = Array.from({ length: CONNECTION_SUBSCRIPTIONS_MAX }, (_, n) => String(n).padEnd(300, "."));
    const subscribers: Subscriber[] = [];
    const subscribe = (): boolean => {
      const subscriber = new Subscriber(client().connection, pubsub);
      if (pubsub.refusalOf(subscriber, "channel", names) !== undefined) return false;
      for (const name of names) pubsub.subscribe(subscriber, "channel", name);
      subscribers.push(subscriber);
      return true;
    };
    while (subscribe()) expect(subscribers.length).toBeLessThan(100);
    expect(all(client(), "SUBSCRIBE", ...names.slice(1))).toEqual([
      "-ERR this node has as many subscriptions as it can hold; use fewer, or another node",
    ]);
    subscribers[0]?.end();
    expect([subscribe(), subscribe()]).toEqual([true, false]);
  });

  test("of what patterns can cost a message: such with stars at their ends are cheap", () => {
    const it = client(3);
    const part = "x".repeat(CHANNEL_BYTES_MAX - 10);
    const count = Math.floor(PATTERNS_SEARCH_BYTES_MAX / (part.length + 2));
    const costly = Array.from({ length: count }, (_, n) => `*${String(n).padStart(2, "0")}${part}*`);
    expect(all(it, "PSUBSCRIBE", ...costly)).toHaveLength(count);
    expect(it.ask("PSUBSCRIBE", "a*", `*zz${part}*`)).toMatch(/^-ERR this node has as many patterns/);
    expect(all(it, "PSUBSCRIBE", costly[0] as string)).toHaveLength(1);
    const cheap = Array.from({ length: 1_000 }, (_, n) => `user:${n}:*`);
    expect(all(it, "PSUBSCRIBE", ...cheap)).toHaveLength(cheap.length);
    expect(connections.pubsub.patternCount).toBe(count + cheap.length);
    expect(connections.pubsub.publish(false, utf8Bytes("user:7:x"), utf8Bytes(""))).toBe(1);
    all(it, "PUNSUBSCRIBE", costly[0] as string);
    expect(all(it, "PSUBSCRIBE", `*zz${part}*`)).toHaveLength(1);
  });
});
