import { beforeEach, expect, test } from "vitest";
import {
  SUBSCRIBER_UNREAD_BYTES_MAX,
  SUBSCRIBER_UNREAD_BYTES_SOFT,
  SUBSCRIBER_UNREAD_SOFT_MS,
  SUBSCRIBERS_UNREAD_BYTES_MAX,
  utf8Bytes,
} from "../../base/index.ts";
import { Connections } from "../connections.ts";
import { FakeClient, testFacts } from "../testing/fake-client.ts";
import { FakeNode } from "../testing/fake-node.ts";

let node: FakeNode;
let connections: Connections;
beforeEach(() => {
  node = new FakeNode();
  connections = new Connections(node, testFacts);
});

const subscriber = (channel: string): FakeClient => {
  const it = new FakeClient(connections);
  it.send("SUBSCRIBE", channel);
  it.take();
  return it;
};

const MIB = 1024 * 1024;
const message = new Uint8Array(MIB);
const publish = (channel: string): number => {
  const count = connections.pubsub.publish(false, utf8Bytes(channel), message);
  node.pass();
  return count;
};
/** A subscriber that does not read. */
const slow = (channel: string): FakeClient => {
  const it = subscriber(channel);
  it.write = (bytes) => {
    it.pendingBytes += bytes.length;
    return false;
  };
  return it;
};

test("a subscriber that does not read is closed above the hard limit, and nobody else notices", () => {
  const [lazy, other] = [slow("c"), subscriber("c")];
  let sent = 0;
  while (!lazy.destroyed) {
    publish("c");
    sent += 1;
    expect(sent).toBeLessThan(100);
  }
  expect(lazy.pendingBytes).toBeGreaterThan(SUBSCRIBER_UNREAD_BYTES_MAX - 2 * MIB);
  expect(lazy.pendingBytes).toBeLessThanOrEqual(SUBSCRIBER_UNREAD_BYTES_MAX + MIB);
  expect(other.take()).toHaveLength(sent);
  expect(publish("c")).toBe(1);
  expect(connections.size).toBe(1);
  expect(connections.pubsub.unread.bytes).toBe(0);
  expect(node.complaints).toMatchObject([{ key: "slow subscriber", client: lazy.connection.id, closedSinceStart: 1 }]);
});

test("a subscriber that does not read is closed when it is above the soft limit for long, not when it catches up in time", () => {
  const [lazy, late] = [slow("c"), slow("c")];
  for (let n = 0; n <= SUBSCRIBER_UNREAD_BYTES_SOFT / MIB; n += 1) publish("c");
  node.tick(1_000);
  late.catchUp();
  late.pendingBytes = MIB;
  node.tick(SUBSCRIBER_UNREAD_SOFT_MS - 1);
  expect([lazy.destroyed, late.destroyed]).toEqual([false, false]);
  node.tick(SUBSCRIBER_UNREAD_SOFT_MS + 1_000);
  expect([lazy.destroyed, late.destroyed]).toEqual([true, false]);
  expect(connections.pubsub.unread.bytes).toBe(MIB);
  late.catchUp();
  node.tick(SUBSCRIBER_UNREAD_SOFT_MS + 2_000);
  expect(connections.pubsub.unread.bytes).toBe(0);
});

test("a subscriber that does not read is closed when all of them have too much, if it has the most", () => {
  const each = SUBSCRIBER_UNREAD_BYTES_MAX / 2;
  const many = Array.from({ length: SUBSCRIBERS_UNREAD_BYTES_MAX / each - 1 }, () => slow("c"));
  const most = slow("c");
  most.send("SUBSCRIBE", "more");
  most.take();
  for (let n = 0; n < 4; n += 1) publish("more");
  while (publish("c") === many.length + 1);
  expect(most.destroyed).toBe(true);
  expect(many.some((it) => it.destroyed)).toBe(false);
  expect(connections.pubsub.unread.bytes).toBeLessThanOrEqual(SUBSCRIBERS_UNREAD_BYTES_MAX);
});

test("a subscriber that does not read takes no memory of its own for a large message that many get", () => {
  const [one, two] = [slow("c"), slow("c")];
  const given: Uint8Array[] = [];
  for (const it of [one, two]) {
    it.write = (bytes) => {
      if (bytes.length >= MIB) given.push(bytes);
      return false;
    };
  }
  publish("c");
  expect(given).toHaveLength(2);
  expect(given[0]).toBe(given[1]);
});
