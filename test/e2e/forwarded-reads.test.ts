import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards } from "../harness/load.ts";

const VALUE_BYTES = 2 * 1024 * 1024;
/** More than a link, and all that may wait for it, hold. Each must arrive within REQUEST_MS_MAX. */
const READS = 90;

test("values of hundreds of megabytes, asked for at once through a node that does not lead, all arrive; no leader changes", async () => {
  // As many as nodes: none has to change its leader for balance.
  const cluster = await TestCluster.start({ shards: 3 });
  const before = await cluster.leaders();
  const leader = before.get(1) as string;
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
  expect(await cluster.leaders()).toEqual(before);
});
