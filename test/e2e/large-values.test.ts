import { randomBytes } from "node:crypto";
import { RespError, type RespValue } from "@sherd/client";
import { expect, test } from "vitest";
import { COMMAND_VALUES_BYTES_MAX } from "../../packages/server/src/core/base/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import type { Forwarders } from "../harness/forwarders.ts";

const CACHE_MIB = 8;
const MIB = 1 << 20;
/** More than a command may look at, and than the cache holds with that. */
const COUNT = 100;
const SOME = 40;
const KEYS = Array.from({ length: COUNT }, (_, n) => `{large}${n}`);

async function numbers(node: Forwarders): Promise<Record<string, number>> {
  const text = new TextDecoder().decode((await node.call(["INFO", "sherd"])) as Uint8Array);
  return Object.fromEntries(text.split("\r\n").map((line) => [line.split(":")[0], Number(line.split(":")[1])]));
}

async function refusal(answer: Promise<RespValue>): Promise<string> {
  const reply = await answer;
  expect(reply).toBeInstanceOf(RespError);
  return (reply as RespError).message;
}

test("commands over 100 values of 1 MiB that are not in memory hold a bounded part of them", async () => {
  const cluster = await TestCluster.start({ nodes: 1, shards: 1, args: () => ["--cache-mib", String(CACHE_MIB)] });
  const value = randomBytes(MIB);
  const writer = cluster.forwarders();
  for (let from = 0; from < COUNT; from += 10) {
    const keys = KEYS.slice(from, from + 10);
    expect(await Promise.all(keys.map((key) => writer.call(["SET", key, value])))).toEqual(keys.map(() => "OK"));
  }
  // A node that has just started has nothing in memory, and its figures begin anew.
  await cluster.terminate("node-1");
  await cluster.startAll();

  const node = cluster.forwarders();
  expect(await node.call(["EXISTS", ...KEYS.slice(0, SOME)])).toBe(SOME);
  const heads = await numbers(node);
  expect(heads["store_cache_misses"]).toBeGreaterThanOrEqual(SOME);
  expect(heads["store_cache_bytes_peak"]).toBeLessThan(MIB);

  // It needs values that are known to be large, and others of which nothing is known before they come.
  expect(await refusal(node.call(["MGET", ...KEYS]))).toMatch(/SHERD_VALUES_TOO_LARGE/);
  const values = await numbers(node);
  expect(values["store_pinned_bytes"]).toBe(0);
  expect(values["store_cache_bytes_peak"]).toBeGreaterThan(SOME * MIB);
  // It was given up with the value that was one too many.
  expect(values["store_cache_bytes_peak"]).toBeLessThan((CACHE_MIB + 2) * MIB + COMMAND_VALUES_BYTES_MAX);

  expect(await node.call(["MGET", ...KEYS.slice(0, 15)])).toHaveLength(15);
  expect(await node.call(["MULTI"])).toBe("OK");
  for (const key of KEYS) expect(await node.call(["APPEND", key, "x"])).toBe("QUEUED");
  expect(await refusal(node.call(["EXEC"]))).toMatch(/SHERD_VALUES_TOO_LARGE/);
  expect(await node.call(["STRLEN", KEYS[0] as string])).toBe(MIB);
  expect(await node.call(["DEL", ...KEYS])).toBe(COUNT);
  expect(await node.call(["DBSIZE"])).toBe(0);

  const after = await numbers(node);
  expect(after["store_pinned_bytes"]).toBe(0);
  expect(after["store_cache_bytes_peak"]).toBe(values["store_cache_bytes_peak"]);
  expect(after["limit_command_values_bytes"]).toBe(COMMAND_VALUES_BYTES_MAX);
});
