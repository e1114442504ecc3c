import fc from "fast-check";
import { expect, test } from "vitest";
import { isHexId, type NodeId, SLOT_COUNT } from "../core/base/index.ts";
import type { ClusterMap } from "../core/meta/index.ts";
import { type ClusterFile, checkClusterFile } from "./cluster-file.ts";
import { bootstrapPlan, metaReplicaCount, slotRanges } from "./plan.ts";

const CLUSTER = "0123456789abcdef0123456789abcdef01234567";

function fileOf(nodes: number, shards: number, replicas: number): ClusterFile {
  return checkClusterFile(
    {
      cluster: CLUSTER,
      shards,
      replicas,
      nodes: Array.from({ length: nodes }, (_, i) => ({ name: `node-${i + 1}`, host: `10.0.${i >> 8}.${i & 255}` })),
    },
    "test",
  );
}

const shapes = fc
  .record({ nodes: fc.integer({ min: 1, max: 40 }), shards: fc.integer({ min: 1, max: 200 }) })
  .chain(({ nodes, shards }) =>
    fc.integer({ min: 1, max: Math.min(7, nodes) }).map((replicas) => fileOf(nodes, shards, replicas)),
  );

const replicasOf = (plan: ClusterMap) => [...plan.metaReplicas, ...plan.shards.flatMap((shard) => shard.replicas)];

function countBy(ids: readonly NodeId[], all: Iterable<NodeId>): number[] {
  const counts = new Map<NodeId, number>([...all].map((id) => [id, 0]));
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts.values()];
}

const spread = (counts: number[]): number => Math.max(...counts) - Math.min(...counts);

test("every slot belongs to exactly one shard, and shards differ by one slot at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700 }), (shards) => {
      const ranges = slotRanges(shards);
      let next = 0;
      for (const range of ranges) {
        expect(range.from).toBe(next);
        expect(range.to).toBeGreaterThanOrEqual(range.from);
        next = range.to + 1;
      }
      expect(next).toBe(SLOT_COUNT);
      expect(spread(ranges.map((range) => range.to - range.from))).toBeLessThanOrEqual(1);
    }),
  );
});

test("three shards have the borders of a Redis Cluster of three masters", () => {
  expect(slotRanges(3)).toEqual([
    { from: 0, to: 5460 },
    { from: 5461, to: 10922 },
    { from: 10923, to: 16383 },
  ]);
});

test("replicas of a group are on distinct nodes, ids are unique, load and leaders are spread evenly", () => {
  fc.assert(
    fc.property(shapes, (file) => {
      const plan = bootstrapPlan(file);
      expect(plan.version).toBe(0);
      expect(plan.shards).toHaveLength(file.shards);
      for (const group of [plan.metaReplicas, ...plan.shards.map((shard) => shard.replicas)]) {
        expect(new Set(group.map((replica) => replica.node)).size).toBe(group.length);
        for (const replica of group) expect(plan.nodes.has(replica.node)).toBe(true);
      }
      for (const shard of plan.shards) expect(shard.replicas).toHaveLength(file.replicas);
      expect(plan.metaReplicas).toHaveLength(metaReplicaCount(file.nodes.length));

      const replicas = replicasOf(plan);
      expect(new Set(replicas.map((replica) => replica.replica)).size).toBe(replicas.length);
      const nodesOf = replicas.map((replica) => replica.node);
      expect(spread(countBy(nodesOf, plan.nodes.keys()))).toBeLessThanOrEqual(1);
      const leaders = plan.shards.map((shard) => (shard.replicas[0] as { node: NodeId }).node);
      expect(spread(countBy(leaders, plan.nodes.keys()))).toBeLessThanOrEqual(1);
      const metaLeader = (plan.metaReplicas[0] as { node: NodeId }).node;
      expect(spread(countBy([...leaders, metaLeader], plan.nodes.keys()))).toBeLessThanOrEqual(1);
    }),
    { numRuns: 100 },
  );
});

test("the plan is the same whatever the order of the nodes in the file", () => {
  fc.assert(
    fc.property(
      shapes.chain((file) =>
        fc
          .shuffledSubarray([...file.nodes], { minLength: file.nodes.length })
          .map((nodes) => [file, { ...file, nodes }] as const),
      ),
      ([file, shuffled]) => {
        expect(bootstrapPlan(shuffled)).toEqual(bootstrapPlan(file));
      },
    ),
  );
});

test("addresses change neither node ids nor the cluster id; anything else the plan depends on changes the cluster id", () => {
  const file = fileOf(3, 5, 3);
  const plan = bootstrapPlan(file);
  const moved = bootstrapPlan({ ...file, nodes: file.nodes.map((node) => ({ ...node, host: "elsewhere" })) });
  expect(moved.clusterId).toBe(plan.clusterId);
  expect([...moved.nodes.keys()]).toEqual([...plan.nodes.keys()]);
  for (const id of [plan.clusterId, ...plan.nodes.keys()]) expect(isHexId(id)).toBe(true);

  const others = [
    { ...file, shards: 6 },
    { ...file, replicas: 1 },
    { ...file, nodes: file.nodes.slice(0, 2), replicas: 1 },
    { ...file, cluster: CLUSTER.replace("0", "1") },
  ];
  const ids = new Set(others.map((other) => bootstrapPlan(other).clusterId));
  expect(ids.size).toBe(others.length);
  expect(ids.has(plan.clusterId)).toBe(false);
});

test("one node alone holds everything", () => {
  const plan = bootstrapPlan(fileOf(1, 5, 1));
  expect(plan.metaReplicas).toHaveLength(1);
  expect(new Set(replicasOf(plan).map((replica) => replica.node)).size).toBe(1);
});

test("the meta group has an odd number of members, five at most", () => {
  expect([1, 2, 3, 4, 5, 6, 100].map(metaReplicaCount)).toEqual([1, 1, 3, 3, 5, 5, 5]);
});
