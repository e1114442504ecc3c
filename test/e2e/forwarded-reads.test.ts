import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards } from "../harness/load.ts";

const VALUE_BYTES = 2 * 1024 * 1024;
/** More than a link, and all that may wait for it, hold. Each must arrive within REQUEST_MS_MAX. */
const READS = 90;

test("values of hundreds of megabytes, asked for at once through a node that does not lead, all arrive", async () => {
  const cluster = await TestCluster.start({ shards: 3 });
  // That Raft's messages do not wait behind values is shown in core/node/answers-out.test.ts: here a leader may change,
  // for balance or because the machine stands still, and the reads must find the next one.
  const leader = (await cluster.leaders()).get(1) as string;
  const through = cluster.file.nodes.find(({ name }) => name !== leader) as (typeof cluster.file.nodes)[number];
  const { key } = keysOfShards(cluster.file, 1).find(({ shard }) => shard === 1) as { key: string };
  const clients = Array.from({ length: 10 }, () => {
    const client = new Redis({ host: through.host, port: through.respPort });
    onTestFinished(() => client.disconnect());
    return client;
  });
  const value = Buffer.alloc(VALUE_BYTES, "0123456789abcdef");
  await clients[0]?.set(key, value);
  const reads = Array.from({ length: READS }, async (_, n) => {
    const read = await (clients[n % clients.length] as Redis).getBuffer(key);
    return read !== null && read.equals(value);
  });
  expect((await Promise.all(reads)).every((equal) => equal)).toBe(true);
});
