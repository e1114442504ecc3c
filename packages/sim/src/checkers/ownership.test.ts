import type { ClusterMap } from "sherd/core/meta";
import { expect, test } from "vitest";
import { makePlan } from "../plan.ts";
import { Ownership } from "./ownership.ts";

const plan = makePlan(3, 2);
const [first, second] = plan.shards as [ClusterMap["shards"][number], ClusterMap["shards"][number]];
const check = (...maps: readonly ClusterMap[]) => {
  return () => {
    const ownership = new Ownership();
    maps.forEach((map, at) => ownership.check(`n${at + 1}`, map));
  };
};

test("a plan is a map in which everything has one place", () => {
  expect(check(plan, plan)).not.toThrow();
});

test("a slot with two owners, or none, is found", () => {
  const twice = { ...second, slots: [...second.slots, { from: 5, to: 5 }] };
  expect(check({ ...plan, shards: [first, twice] })).toThrow("slot 5 belongs to shards 1 and 2");
  expect(check({ ...plan, shards: [first] })).toThrow("slot 8192 belongs to no shard");
});

test("a replica id that is used twice, or two replicas on one node, are found", () => {
  const [member, ...others] = first.replicas;
  const stolen = { ...second, replicas: first.replicas };
  expect(check({ ...plan, shards: [first, stolen] })).toThrow("a replica id is used twice");
  const crowded = { ...first, replicas: [member!, { ...others[0]!, node: member!.node }] };
  expect(check({ ...plan, shards: [crowded, second] })).toThrow("two replicas on one node");
});

test("maps of one version that differ are found, of two versions not", () => {
  const moved = { ...plan, shards: [{ ...first, epoch: 2 }, second] };
  expect(check(plan, moved)).toThrow("the maps 0 of n1 and n2 differ");
  expect(check(plan, { ...moved, version: 1 })).not.toThrow();
});
