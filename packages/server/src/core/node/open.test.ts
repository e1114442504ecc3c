import { expect, test } from "vitest";
import { clusterId, type GroupId, groupId, nodeId, type ReplicaId, replicaId } from "../base/index.ts";
import type { ClusterMap } from "../meta/index.ts";
import type { Space } from "../store/index.ts";
import { type OpenNodeOptions, openNode } from "./open.ts";

const SELF = nodeId("a".repeat(40));
/** One shard, whose only replica is here. */
const MAP: ClusterMap = {
  clusterId: clusterId("c".repeat(40)),
  version: 0,
  nodes: new Map(),
  metaReplicas: [],
  shards: [{ group: groupId(1), slots: [], replicas: [{ replica: replicaId(1), node: SELF }], epoch: 1 }],
};

/** A store that makes spaces later, and says of them what `system` says. */
function options(system: (name: string) => Uint8Array | undefined): { options: OpenNodeOptions; turn: () => void } {
  const spaces: Partial<Space>[] = [];
  const waiting: (() => void)[] = [];
  const store = {
    spaces,
    createSpace(group: GroupId, replica: ReplicaId, _rows: unknown, done: () => void) {
      waiting.push(() => {
        spaces.push({ group, replica, system });
        done();
      });
    },
  };
  const log = { recovered: new Map(), flush: () => {} };
  const given = { self: { id: SELF }, map: MAP, store, log, env: {}, raft: {}, links: {}, bootstrapped: false };
  return {
    options: given as unknown as OpenNodeOptions,
    turn: () => waiting.shift()?.(),
  };
}

test("what fails after the first replicas were made is told, not thrown at the store that made them", () => {
  const failures: unknown[] = [];
  const { options: given, turn } = options(() => undefined);
  openNode(
    given,
    () => expect.unreachable("its space has no rows"),
    (error) => failures.push(error),
  );
  expect(failures).toEqual([]);
  turn();
  expect(failures).toEqual([new RangeError("the space has no applied row")]);
});
