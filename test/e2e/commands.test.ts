import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import {
  bitfields,
  bitmaps,
  type Command,
  counters,
  KEYS,
  strings,
} from "../../packages/server/src/core/command/testing/random-commands.ts";
import {
  Asker,
  inRedisWords,
  RedisOracle,
  redisVersion,
} from "../../packages/server/src/core/command/testing/redis.ts";
import { TestCluster } from "../harness/cluster.ts";

const version = redisVersion();
if (version === undefined) console.warn("SKIPPED: a cluster compared with Redis; no redis-server 7 on this machine");

const COMMANDS = 200;

test.skipIf(version === undefined)(
  "pipelines through the leader and through others are answered as by Redis",
  async () => {
    const redis = await RedisOracle.start();
    onTestFinished(() => redis.stop());
    const cluster = await TestCluster.start({ shards: 1 });
    for (const { host, respPort } of cluster.file.nodes) {
      const node = await Asker.connect({ host, port: respPort });
      onTestFinished(() => node.close());
      for (const group of [strings, counters, bitmaps, bitfields]) {
        const [commands] = fc.sample(fc.array(group, { minLength: COMMANDS, maxLength: COMMANDS, size: "max" }), 1);
        await compare(redis.asker, node, commands as Command[]);
      }
    }
  },
);

async function compare(redis: Asker, node: Asker, commands: readonly Command[]): Promise<void> {
  const all = [["del", ...KEYS], ...commands, ...KEYS.map((key) => ["get", key])];
  const theirs = Promise.all(all.map((command) => redis.ask(command)));
  const ours = await Promise.all(all.map((command) => node.ask(command)));
  const expected = await theirs;
  // What was there before is not compared: a key may have ended for one of them, and been deleted here.
  for (let i = 1; i < all.length; i += 1) {
    expect(inRedisWords(ours[i] as string), `${i}: ${JSON.stringify(all[i])}`).toBe(expected[i]);
  }
}
