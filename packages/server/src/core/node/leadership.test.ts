import { expect, test } from "vitest";
import { type GroupId, groupId, type NodeId, nodeId, replicaId } from "../base/index.ts";
import type { ClusterMap } from "../meta/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";
import { Leadership } from "./leadership.ts";

const G: GroupId = groupId(1);
const nodes: readonly NodeId[] = [1, 2, 3].map((number) => nodeId(number.toString(16).padStart(40, "0")));

interface World {
  readonly replica: { leader: number; electing: boolean };
  readonly up: Set<NodeId>;
  /** This node should not lead. */
  readonly yields: { now: boolean };
  readonly campaigns: GroupId[];
  readonly leadership: Leadership;
}

/** The node that the map prefers as the leader of one group with three members. */
function preferred(): World {
  const replica = { group: G, id: replicaId(1), leader: 0, electing: false, stopped: undefined };
  const up = new Set<NodeId>();
  const campaigns: GroupId[] = [];
  const yields = { now: false };
  const members = nodes.map((node, at) => ({ node, replica: replicaId(at + 1) }));
  const leadership = new Leadership({
    self: nodes[0] as NodeId,
    raft: { campaign: (group: GroupId) => campaigns.push(group) } as unknown as RaftCore,
    map: () => ({ shards: [{ group: G, replicas: members }] }) as unknown as ClusterMap,
    replicas: () => [replica as unknown as Replica],
    isUp: (node) => up.has(node),
    isSteady: () => true,
    isYielding: () => false,
    yields: () => yields.now,
  });
  return { replica, up, yields, campaigns, leadership };
}

test("the preferred replica campaigns as soon as it sees a majority, and no more when there is a leader", () => {
  const { replica, up, campaigns, leadership } = preferred();
  leadership.claim();
  expect(campaigns).toEqual([]);
  up.add(nodes[1] as NodeId);
  leadership.claim();
  expect(campaigns).toEqual([G]);
  replica.leader = 1;
  leadership.claim();
  expect(campaigns).toEqual([G]);
});

test("the preferred replica does not campaign while a hand-over to another one runs", () => {
  const { replica, up, campaigns, leadership } = preferred();
  up.add(nodes[1] as NodeId);
  // The one that was told to lead asks for votes: nobody leads, in a new term.
  replica.electing = true;
  leadership.claim();
  expect(campaigns).toEqual([]);
  replica.electing = false;
  leadership.claim();
  expect(campaigns).toEqual([G]);
});

test("a node that should not lead does not campaign, however much the map prefers it", () => {
  const { up, yields, campaigns, leadership } = preferred();
  up.add(nodes[1] as NodeId);
  yields.now = true;
  leadership.claim();
  expect(campaigns).toEqual([]);
  yields.now = false;
  leadership.claim();
  expect(campaigns).toEqual([G]);
});
