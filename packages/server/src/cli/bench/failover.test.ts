import { keySlot } from "@sherd/client";
import { afterEach, expect, test } from "vitest";
import { FakeServer, slotsReply } from "../../../../client/src/testing/fake-server.ts";
import { storeHandler } from "../testing/fake-stores.ts";
import { formatFailover, runFailover } from "./failover.ts";
import type { Kill } from "./failover-analysis.ts";
import { decodeNumber, encodeNumber, tagOfShard } from "./failover-writer.ts";
import type { LocalNode, LocalNodes } from "./local-nodes.ts";
import { thisMachine } from "./report.ts";

const SHARDS = [
  { from: 0, to: 8_191 },
  { from: 8_192, to: 16_383 },
];
const ELECTION_MS = 300;
const RESTART_MS = 450;

interface FakeNode {
  server: FakeServer | undefined;
  readonly run: LocalNode;
}

/** Three nodes that share one map: a killed leader's shards move to the next node after a while, and it comes back. */
class FakeCluster implements LocalNodes {
  readonly map = new Map<string, string>();
  readonly leaders = [0, 1];
  readonly #nodes: FakeNode[] = [];
  readonly #onKill: (map: Map<string, string>) => void;

  constructor(onKill: (map: Map<string, string>) => void = () => {}) {
    this.#onKill = onKill;
  }

  async start(): Promise<this> {
    for (let at = 0; at < 3; at += 1) await this.#startNode(at, 0);
    return this;
  }

  async stop(): Promise<void> {
    for (const { server } of this.#nodes) await server?.stop();
  }

  list(): LocalNode[] {
    return this.#nodes.map(({ run }) => run);
  }

  isReady(node: LocalNode): Promise<boolean> {
    return Promise.resolve(this.#nodes.find(({ run }) => run.name === node.name)?.server !== undefined);
  }

  async kill(node: LocalNode): Promise<void> {
    const at = this.#nodes.findIndex(({ run }) => run.name === node.name);
    const killed = this.#nodes[at] as FakeNode;
    void killed.server?.stop();
    killed.server = undefined;
    this.#onKill(this.map);
    setTimeout(() => {
      this.leaders.forEach((leader, shard) => {
        if (leader === at) this.leaders[shard] = (at + 1) % 3;
      });
    }, ELECTION_MS);
    setTimeout(() => void this.#startNode(at, node.addresses.clusterPort), RESTART_MS);
  }

  async #startNode(at: number, port: number): Promise<void> {
    const store = storeHandler(this.map);
    const server = await FakeServer.start((args, connection) => {
      if (args[0] === "CLUSTER") return this.#slots();
      const slot = keySlot(Buffer.from(args[1] ?? ""));
      const leader = this.leaders[slot <= 8_191 ? 0 : 1] as number;
      return leader === at ? store(args, connection) : `-MOVED ${slot} 127.0.0.1:${this.#portOf(leader)}\r\n`;
    }, port);
    const addresses = { host: "127.0.0.1", clusterPort: server.port, httpPort: 1 };
    const pid = (this.#nodes[at]?.run.pid ?? 100 * at) + 1;
    this.#nodes[at] = { server, run: { name: `node-${at + 1}`, pid, startedAtMs: performance.now(), addresses } };
  }

  #portOf(node: number): number {
    return this.#nodes[node]?.run.addresses.clusterPort as number;
  }

  #slots(): string {
    return slotsReply(
      ...SHARDS.map(({ from, to }, at) => [from, to, this.#portOf(this.leaders[at] as number)] as const),
    );
  }
}

let cluster: FakeCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

test("leaders are killed one after the other; the gaps are those of the elections, and nothing is lost", async () => {
  cluster = await new FakeCluster().start();
  const said: string[] = [];
  const report = await runFailover(cluster, 3, 4, (line) => said.push(line));
  expect(report).toMatchObject({ shards: 2, writers: 4, lost: [] });
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.keysReadBack).toBeGreaterThanOrEqual(4);
  // The one that ran longest first; the one that leads both shards by then has run longest of the leaders.
  expect(report.kills.map(({ node }) => node)).toEqual(["node-1", "node-2", "node-3"]);
  for (const { ledGapsMs, wholeAfterMs } of report.kills) {
    // Timers of this process may fire a little early, measured by its own clock.
    for (const gapMs of Object.values(ledGapsMs)) expect(gapMs).toBeGreaterThan(ELECTION_MS / 2);
    expect(wholeAfterMs).toBeGreaterThan(RESTART_MS / 2);
  }
  const [{ ledGapsMs, otherGapsMs }] = report.kills as [Kill];
  expect([Object.keys(ledGapsMs), Object.keys(otherGapsMs)]).toEqual([["0-8191"], ["8192-16383"]]);
  expect(otherGapsMs["8192-16383"]).toBeLessThan(ledGapsMs["0-8191"] as number);
  expect(said).toHaveLength(4);
  const text = formatFailover(report, thisMachine());
  expect(text).toContain("3 kills (SIGKILL) of leaders, 4 writers on 2 shards");
  expect(text).toMatch(/shards that lost their leader: min \d+, median \d+, max \d+ ms \(\d\)/);
  expect(text).toContain("none lost");
});

test("a store that loses acknowledged writes in a failover is caught", async () => {
  cluster = await new FakeCluster((map) => map.clear()).start();
  // Writers on the other shard go on and write their keys again: what is lost for good is on the killed leader's shard.
  const report = await runFailover(cluster, 2, 4, () => {});
  const noLoss = report.lost.length === 0;
  const text = formatFailover(report, thisMachine());
  expect(noLoss, text).toBe(false);
  expect(text).toContain("KEYS LOST WRITES");
  expect(text).toMatch(/acknowledged \d+, found nothing/);
});

test("a node that is not started again is told, by name", async () => {
  cluster = await new FakeCluster().start();
  const nodes: LocalNodes = {
    list: () => (cluster as FakeCluster).list(),
    kill: () => Promise.resolve(),
    isReady: (node) => Promise.resolve(node.name !== "node-2"),
  };
  await expect(runFailover(nodes, 1, 2, () => {}, { wholeMsMax: 200 })).rejects.toThrow(
    "SHERD_NOT_WHOLE: 0.2 s before the first kill: node-2 is not ready.",
  );
});

test("a directory of another cluster is refused before anything is killed", async () => {
  cluster = await new FakeCluster().start();
  const real = cluster;
  const nodes: LocalNodes = {
    list: () => real.list().map((node) => ({ ...node, addresses: { ...node.addresses, host: "localhost" } })),
    kill: () => expect.unreachable(),
    isReady: () => Promise.resolve(true),
  };
  await expect(runFailover(nodes, 1, 2, () => {})).rejects.toThrow("No node of this data directory leads a shard");
});

test("a tag's slot lies in its shard", () => {
  for (const shard of [...SHARDS, { from: 77, to: 77 }]) {
    const slot = keySlot(Buffer.from(`{${tagOfShard({ ...shard, name: "" })}}:any`));
    expect(slot >= shard.from && slot <= shard.to).toBe(true);
  }
});

test("a number survives its value, and nothing else is taken for one", () => {
  for (const number of [1, 9, 123_456_789]) expect(decodeNumber(Buffer.from(encodeNumber(number)))).toBe(number);
  expect(encodeNumber(5)).toHaveLength(80);
  for (const text of ["", "5", "x", "5 y", "-5 x"]) expect(decodeNumber(Buffer.from(text))).toBeNull();
});
