import { RespConnection, RespError, type RespValue } from "@sherd/client";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { keysOfShards } from "../harness/load.ts";

const KILLS = 6;
const COUNTERS_PER_SHARD = 4;
/** Acknowledged increments between two kills. */
const BETWEEN = 300;

/** Increments one key without a pause; the reply must always be one more than the last that was told. */
class Counter {
  readonly key: string;
  count = 0;
  /** Definite errors: the increment has not happened and will not. */
  refused = 0;
  readonly wrong: string[] = [];
  readonly #call: (args: string[]) => Promise<RespValue>;

  constructor(key: string, call: (args: string[]) => Promise<RespValue>) {
    this.key = key;
    this.#call = call;
  }

  async increment(): Promise<void> {
    const reply = await this.#call(["INCR", this.key]);
    if (reply === this.count + 1) this.count += 1;
    else if (reply instanceof RespError && reply.kind === "CLUSTERDOWN") this.refused += 1;
    else
      this.wrong.push(
        `${this.key} after ${this.count}: ${reply instanceof RespError ? reply.message : JSON.stringify(reply)}`,
      );
  }
}

// Each step waits for counted increments, however slow the disk is: the limit only ends a test that is stuck.
test(`INCR through a node that stays while the leaders are killed, ${KILLS} times: every reply is the next number`, async () => {
  const cluster = await TestCluster.start();
  const [stays, ...others] = cluster.names as [string, ...string[]];
  const { host, respPort } = cluster.node(stays);
  const connections = Array.from({ length: COUNTERS_PER_SHARD }, () => new RespConnection({ host, port: respPort }));
  onTestFinished(() => {
    for (const connection of connections) connection.destroy();
  });
  const counters = keysOfShards(cluster.file, COUNTERS_PER_SHARD).map(({ key }, at) => {
    const connection = connections[at % connections.length] as RespConnection;
    return new Counter(key, (args) => connection.call(args));
  });

  let stopped = false;
  const told = (): number => counters.reduce((sum, { count }) => sum + count, 0);
  const listeners = new Set<() => void>();
  const running = counters.map(async (counter) => {
    while (!stopped) {
      await counter.increment();
      for (const listener of listeners) listener();
    }
  });
  const more = (count: number): Promise<void> =>
    new Promise((resolve) => {
      const target = told() + count;
      const look = (): void => {
        if (told() < target) return;
        listeners.delete(look);
        resolve();
      };
      listeners.add(look);
    });

  for (let kill = 0; kill < KILLS; kill += 1) {
    await more(BETWEEN);
    const victim = others[kill % others.length] as string;
    await cluster.kill(victim);
    await more(BETWEEN);
    await cluster.start(victim);
  }
  stopped = true;
  await Promise.all(running);

  expect(counters.flatMap(({ wrong }) => wrong)).toEqual([]);
  const reader = cluster.connect();
  for (const { key, count } of counters) {
    expect(await reader.call(new TextEncoder().encode(key), ["GET", key]), key).toEqual(
      new TextEncoder().encode(String(count)),
    );
  }
  const refused = counters.reduce((sum, counter) => sum + counter.refused, 0);
  console.log(`${told()} increments, each once; ${refused} refused as certainly not done`);
  expect(told()).toBeGreaterThanOrEqual(2 * KILLS * BETWEEN);
}, 900_000);
