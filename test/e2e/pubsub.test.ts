import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { encodeCommand } from "@sherd/client/protocol";
import { Cluster, Redis } from "ioredis";
import { createClient, createCluster } from "redis";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});

const place = (at: number): (typeof cluster.file.nodes)[number] => cluster.file.nodes[at] as never;

function plain(at: number, port: "respPort" | "clusterPort" = "respPort"): Redis {
  const client = new Redis({ host: place(at).host, port: place(at)[port] });
  onTestFinished(() => client.disconnect());
  return client;
}

/** Messages as they come, and a way to wait until there are so many. */
class Heard {
  readonly messages: string[] = [];
  #wake: () => void = () => {};

  add(message: string): void {
    this.messages.push(message);
    this.#wake();
  }

  async until(count: number): Promise<string[]> {
    while (this.messages.length < count) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.messages;
  }
}

async function ioredisListens(at: number, port: "respPort" | "clusterPort", channel: string): Promise<Heard> {
  const heard = new Heard();
  const client = plain(at, port);
  client.on("message", (_channel, message) => heard.add(message));
  await client.subscribe(channel);
  return heard;
}

async function ioredisClusterListens(channel: string): Promise<Heard> {
  const heard = new Heard();
  const client = new Cluster(cluster.file.nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })));
  onTestFinished(() => client.disconnect());
  client.on("message", (_channel, message) => heard.add(message));
  await client.subscribe(channel);
  return heard;
}

async function nodeRedisListens(at: number, RESP: 2 | 3, channel: string): Promise<Heard> {
  const heard = new Heard();
  const client = createClient({ url: `redis://${place(at).host}:${place(at).respPort}`, RESP });
  await client.connect();
  onTestFinished(() => client.destroy());
  await client.subscribe(channel, (message) => heard.add(message));
  return heard;
}

/** In subscriber mode it prints a line for each part of each answer. */
async function redisCliListens(at: number, channel: string): Promise<Heard> {
  const heard = new Heard();
  const child = spawn("redis-cli", ["-h", place(at).host, "-p", String(place(at).respPort), "subscribe", channel]);
  onTestFinished(() => void child.kill());
  let text = "";
  const subscribed = new Promise<void>((resolve) => {
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split("\n");
      while (lines.length > 3) {
        const [kind, , value] = lines.splice(0, 3);
        if (kind === "message") heard.add(value as string);
        else resolve();
      }
      text = lines.join("\n");
    });
  });
  await subscribed;
  return heard;
}

const hasRedisCli = spawnSync("redis-cli", ["--version"]).error === undefined;
if (!hasRedisCli) console.warn("SKIPPED: redis-cli as a subscriber; there is none on this machine");

test("a message published at any node reaches clients of all kinds at all nodes and ports, in order", async () => {
  const listeners = await Promise.all([
    ioredisListens(0, "respPort", "news"),
    ioredisListens(1, "clusterPort", "news"),
    ioredisClusterListens("news"),
    nodeRedisListens(1, 2, "news"),
    nodeRedisListens(2, 3, "news"),
    ...(hasRedisCli ? [redisCliListens(2, "news")] : []),
  ]);
  const expected: string[] = [];
  for (const at of [0, 1, 2]) {
    const texts = Array.from({ length: 500 }, (_, n) => `${at}-${n}`);
    const pipeline = plain(at).pipeline();
    for (const text of texts) pipeline.publish("news", text);
    await pipeline.exec();
    expected.push(...texts);
    // One publisher's messages come in its order; the next begins when these are there.
    await Promise.all(listeners.map((heard) => heard.until(expected.length)));
  }
  for (const heard of listeners) expect(heard.messages).toEqual(expected);
});

test("patterns and shard channels reach all nodes, and are kept apart", async () => {
  const patterns = new Heard();
  const byPattern = plain(0);
  byPattern.on("pmessage", (pattern, channel, message) => patterns.add(`${pattern} ${channel} ${message}`));
  await byPattern.psubscribe("user:*");

  const rootNodes = cluster.file.nodes.map(({ host, clusterPort }) => ({ url: `redis://${host}:${clusterPort}` }));
  const sharding = createCluster({ rootNodes });
  await sharding.connect();
  onTestFinished(() => sharding.destroy());
  const shards = new Heard();
  const channels = Array.from({ length: 20 }, (_, n) => `user:${n}`);
  for (const channel of channels) {
    await sharding.sSubscribe(channel, (message, from) => shards.add(`${from} ${message}`));
  }

  const publisher = plain(1);
  for (const channel of channels) {
    await publisher.publish(channel, "to all");
    await sharding.sPublish(channel, "from the cluster");
    await publisher.spublish(channel, "from a plain client");
  }
  await Promise.all([patterns.until(channels.length), shards.until(2 * channels.length)]);
  expect(patterns.messages).toEqual(channels.map((channel) => `user:* ${channel} to all`));
  const expected = channels.flatMap((channel) => [`${channel} from the cluster`, `${channel} from a plain client`]);
  expect(shards.messages.toSorted()).toEqual(expected.toSorted());
});

test("a subscriber that does not read is closed and logged; another on the same node gets everything", async () => {
  const { host, respPort } = place(0);
  const lazy = connect({ host, port: respPort });
  onTestFinished(() => void lazy.destroy());
  await once(lazy, "connect");
  lazy.write(encodeCommand(["SUBSCRIBE", "large"]));
  await once(lazy, "data");
  lazy.pause();
  const closed = new Promise((resolve) => {
    // While it does not read, its end of the stream is not seen; an error of the reset is.
    lazy.on("error", () => {});
    lazy.on("close", resolve);
  });
  const heard = await ioredisListens(0, "respPort", "large");
  const publisher = plain(1);
  const message = "x".repeat(4 * 1024 * 1024);
  const observer = plain(0);
  let sent = 0;
  while ((await observer.pubsub("NUMSUB", "large"))[1] === 2) {
    expect(sent).toBeLessThan(40);
    await publisher.publish("large", message);
    sent += 1;
    await heard.until(sent);
  }
  await publisher.publish("large", "small");
  expect((await heard.until(sent + 1)).at(-1)).toBe("small");
  lazy.resume();
  await closed;
  expect(await observer.info("stats")).toContain("pubsub_subscribers_closed:1");
  expect(cluster.log("node-1")).toContain("a subscriber that does not read its messages was closed");
});
