import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { index, type NodeId, term } from "../core/base/index.ts";
import type { ClusterMap } from "../core/meta/index.ts";
import type { GroupStatus, NodeStatus } from "../core/node/index.ts";
import { Role } from "../core/raft/index.ts";
import { type ClusterFile, checkClusterFile } from "./cluster-file.ts";
import { bootstrapPlan } from "./plan.ts";
import { clusterMapToJson } from "./plan-json.ts";
import { askCluster, summarize } from "./status.ts";

function fileWith(httpPorts: readonly number[]): ClusterFile {
  const nodes = httpPorts.map((httpPort, at) => ({
    name: `node-${at + 1}`,
    host: "127.0.0.1",
    respPort: 1_000 + at,
    clusterPort: 2_000 + at,
    grpcPort: 3_000 + at,
    peerPort: 4_000 + at,
    httpPort,
  }));
  return checkClusterFile({ cluster: "f".repeat(40), shards: 2, replicas: 3, nodes }, "test");
}

/** As if the first replica of each group leads it in term 3, with 10 entries committed. */
function statusOf(
  map: ClusterMap,
  node: NodeId,
  change: (group: GroupStatus) => GroupStatus = (group) => group,
): NodeStatus {
  const groups = [{ group: 0, replicas: map.metaReplicas }, ...map.shards].flatMap(({ group, replicas }) =>
    replicas
      .filter((replica) => replica.node === node)
      .map(({ replica }) =>
        change({
          group,
          replica,
          role: replicas[0]?.node === node ? Role.leader : Role.follower,
          term: term(3),
          leader: replicas[0]?.node,
          applied: index(10),
          commit: index(10),
          lastIndex: index(10),
          keys: 0,
          stopped: undefined,
        } as GroupStatus),
      ),
  );
  const name = map.nodes.get(node)?.name ?? "";
  return { id: node, name, ready: true, mapVersion: 0, groups, peers: [], numbers: {} };
}

const all = (map: ClusterMap): Map<NodeId, NodeStatus> =>
  new Map([...map.nodes.keys()].map((node) => [node, statusOf(map, node)]));

test("a whole cluster: every group has its leader, nobody lags", () => {
  const map = bootstrapPlan(fileWith([1, 2, 3]));
  const status = summarize(map, all(map));
  expect(status.ok).toBe(true);
  expect(status.nodes.map(({ name, state, replicas, leads }) => [name, state, replicas, leads])).toEqual([
    ["node-1", "ready", 3, 1],
    ["node-2", "ready", 3, 1],
    ["node-3", "ready", 3, 1],
  ]);
  expect(status.groups.map((group) => group.leader)).toEqual(["node-3", "node-1", "node-2"]);
  expect(status.groups.flatMap((group) => group.replicas.map((replica) => replica.lag))).toEqual(Array(9).fill(0));
});

test("a leader that does not answer leaves its shard without one, and the lag of its replicas unknown", () => {
  const map = bootstrapPlan(fileWith([1, 2, 3]));
  const answers = all(map);
  const [first] = map.nodes.keys();
  answers.delete(first as NodeId);
  const status = summarize(map, answers);
  expect(status.ok).toBe(false);
  expect(status.nodes[0]?.state).toBe("unreachable");
  expect(status.groups[1]).toMatchObject({ leader: undefined, term: undefined });
  expect(status.groups[1]?.replicas.map((replica) => replica.lag)).toEqual([undefined, undefined, undefined]);
});

test("of two that believe to lead the newer one does; lag is what it committed and the other has not applied", () => {
  const map = bootstrapPlan(fileWith([1, 2, 3]));
  const answers = all(map);
  const [, second] = [...map.nodes.keys()];
  const newer = (group: GroupStatus): GroupStatus =>
    group.group === 1 ? { ...group, role: Role.leader, term: term(4), commit: index(15), applied: index(15) } : group;
  answers.set(second as NodeId, statusOf(map, second as NodeId, newer));
  const shard = summarize(map, answers).groups[1];
  expect(shard).toMatchObject({ leader: "node-2", term: 4 });
  expect(Object.fromEntries(shard?.replicas.map((replica) => [replica.node, replica.lag]) ?? [])).toEqual({
    "node-1": 5,
    "node-2": 0,
    "node-3": 5,
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function serve(answer: () => unknown): Promise<number> {
  const server = createServer((_, response) => response.end(JSON.stringify(answer())));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

test("asks every node of the map that the first one has", async () => {
  let map: ClusterMap | undefined;
  const answer = (at: number) => () => {
    if (map === undefined) throw new Error("asked too early");
    return { ...statusOf(map, [...map.nodes.keys()][at] as NodeId), map: clusterMapToJson(map) };
  };
  const ports = [await serve(answer(0)), await serve(answer(1)), await serve(answer(2))];
  map = bootstrapPlan(fileWith(ports));
  const status = await askCluster("127.0.0.1", ports[1] as number);
  expect(status.ok).toBe(true);
  expect(status.nodes.map((node) => node.state)).toEqual(["ready", "ready", "ready"]);
});

test("nobody there, or somebody else: says so", async () => {
  const other = await serve(() => ({ hello: "world" }));
  await expect(askCluster("127.0.0.1", other)).rejects.toThrow(
    /SHERD_UNREACHABLE: .*the answer is not a node's status/,
  );
  servers[0]?.close();
  await expect(askCluster("127.0.0.1", other)).rejects.toThrow(/SHERD_UNREACHABLE: .*ECONNREFUSED/);
});
