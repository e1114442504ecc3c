import { keySlot } from "@sherd/client/protocol";
import { type GroupId, latin1, type NodeId, SLOT_COUNT, utf8Bytes } from "../../base/index.ts";
import { err, OK, type Reply } from "../../command/index.ts";
import type { NodeInfo, ShardInfo, SlotRange } from "../../meta/index.ts";
import type { NodeApi } from "../../node/index.ts";
import type { Connections } from "../connections.ts";
import type { Answers, LocalCall } from "./types.ts";

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const integer = (value: number): Reply => ({ type: "integer", value });
const array = (items: readonly Reply[]): Reply => ({ type: "array", items });
const map = (entries: readonly (readonly [string, Reply])[]): Reply => ({
  type: "map",
  entries: entries.map(([key, value]) => [bulk(key), value] as const),
});

/** The shard's nodes as this node knows them: the leader first, then those that can be reached. */
function membersOf(node: NodeApi, shard: ShardInfo): NodeInfo[] {
  const leader = node.leaderOf(shard.group)?.node;
  const rank = (id: NodeId): number => (id === leader ? 0 : id === node.id || node.isUp(id) ? 1 : 2);
  const members: NodeInfo[] = [];
  for (const { node: id } of shard.replicas) {
    const info = node.map.nodes.get(id);
    if (info !== undefined) members.push(info);
  }
  return members.sort((left, right) => rank(left.id) - rank(right.id));
}

const isReachable = (node: NodeApi, id: NodeId): boolean => id === node.id || node.isUp(id);

/**
 * Every node answers, also without a leader: clients must be able to find their way while one is being elected.
 *
 * Here a node leads shards and follows others, in Redis it does one of both, and clients rely on it: redis-py took
 * leaders that it first met as replicas for no masters and left their keys out of SCAN, DBSIZE and FLUSHALL; ioredis with
 * `scaleReads` never says READONLY to a node that also leads, and asked it again and again. So a node that leads
 * something is not listed as a replica of anything.
 */
function slots(node: NodeApi): Reply {
  const leaders = new Set<NodeId>(node.map.shards.flatMap(({ group }) => node.leaderOf(group)?.node ?? []));
  const items: Reply[] = [];
  for (const shard of node.map.shards) {
    const members = membersOf(node, shard)
      .filter(({ id }, at) => at === 0 || !leaders.has(id))
      .map(({ id, addresses }) => array([bulk(addresses.host), integer(addresses.clusterPort), bulk(id), array([])]));
    for (const { from, to } of shard.slots) items.push(array([integer(from), integer(to), ...members]));
  }
  return array(items);
}

function shards({ node, facts }: Connections): Reply {
  // As Redis: a port that speaks TLS has a name of its own.
  const port = facts.tls === true ? "tls-port" : "port";
  const offsets = new Map<GroupId, number>(node.status().groups.map((group) => [group.group, group.applied]));
  return array(
    node.map.shards.map((shard) => {
      const leader = node.leaderOf(shard.group)?.node;
      return map([
        ["slots", array(shard.slots.flatMap(({ from, to }) => [integer(from), integer(to)]))],
        [
          "nodes",
          array(
            membersOf(node, shard).map(({ id, addresses }) =>
              map([
                ["id", bulk(id)],
                [port, integer(addresses.clusterPort)],
                ["ip", bulk(addresses.host)],
                ["endpoint", bulk(addresses.host)],
                ["role", bulk(id === leader ? "master" : "replica")],
                // Known of this node's own replicas only.
                ["replication-offset", integer(id === node.id ? (offsets.get(shard.group) ?? 0) : 0)],
                ["health", bulk(isReachable(node, id) ? "online" : "fail")],
              ]),
            ),
          ),
        ],
      ]);
    }),
  );
}

/** Slots by the node that leads them, ascending, neighbours joined. */
function slotsLed(node: NodeApi): Map<NodeId, SlotRange[]> {
  const led = new Map<NodeId, SlotRange[]>();
  for (const shard of node.map.shards) {
    const leader = node.leaderOf(shard.group)?.node;
    if (leader === undefined) continue;
    const ranges = led.get(leader) ?? [];
    ranges.push(...shard.slots);
    led.set(leader, ranges);
  }
  for (const [id, ranges] of led) led.set(id, joined(ranges));
  return led;
}

function joined(ranges: readonly SlotRange[]): SlotRange[] {
  const result: SlotRange[] = [];
  for (const range of [...ranges].sort((left, right) => left.from - right.from)) {
    const last = result.at(-1);
    if (last !== undefined && last.to + 1 === range.from) result[result.length - 1] = { from: last.from, to: range.to };
    else result.push(range);
  }
  return result;
}

const rangeText = ({ from, to }: SlotRange): string => (from === to ? String(from) : `${from}-${to}`);

/**
 * Redis' nodes lead one shard or follow one; here a node does both at once, for several. Each is shown as a master of
 * the slots that it leads now, which is what clients and redis-benchmark look for.
 */
function nodes(node: NodeApi): string {
  const led = slotsLed(node);
  let text = "";
  for (const { id, addresses } of node.map.nodes.values()) {
    const self = id === node.id;
    const up = isReachable(node, id);
    const flags = `${self ? "myself," : ""}master${up ? "" : ",fail?"}`;
    const epoch = Math.max(
      0,
      ...node.map.shards.filter((shard) => node.leaderOf(shard.group)?.node === id).map((shard) => shard.epoch),
    );
    const where = `${addresses.host}:${addresses.clusterPort}@${addresses.peerPort}`;
    const line = [id, where, flags, "-", 0, 0, epoch, up ? "connected" : "disconnected"];
    text += `${[...line, ...(led.get(id) ?? []).map(rangeText)].join(" ")}\n`;
  }
  return text;
}

function info(node: NodeApi): string {
  let assigned = 0;
  let served = 0;
  let epoch = 0;
  const leaders = new Set<NodeId>();
  for (const shard of node.map.shards) {
    const count = shard.slots.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    const leader = node.leaderOf(shard.group)?.node;
    assigned += count;
    epoch = Math.max(epoch, shard.epoch);
    if (leader === undefined) continue;
    served += count;
    leaders.add(leader);
  }
  const fields: [string, string | number][] = [
    // `fail` makes ioredis drop all its connections and start again, so one shard's election must not show as that.
    ["cluster_state", assigned === SLOT_COUNT && served > 0 ? "ok" : "fail"],
    ["cluster_slots_assigned", assigned],
    ["cluster_slots_ok", served],
    ["cluster_slots_pfail", assigned - served],
    ["cluster_slots_fail", 0],
    ["cluster_known_nodes", node.map.nodes.size],
    ["cluster_size", leaders.size],
    ["cluster_current_epoch", epoch],
    ["cluster_my_epoch", epoch],
  ];
  return fields.map(([name, value]) => `${name}:${value}\r\n`).join("");
}

const text = (value: string): Reply => ({ type: "verbatim", format: "txt", text: value });

/** The links that this node keeps up: one to each of the others, in both directions. */
function links(node: NodeApi): Reply {
  return array(
    node
      .status()
      .peers.filter(({ up }) => up)
      .map(({ node: id }) =>
        map([
          ["direction", bulk("to")],
          ["node", bulk(id)],
        ]),
      ),
  );
}

const unknownNode = (id: Uint8Array): Reply => err(`Unknown node ${latin1(id.subarray(0, NODE_ID_CHARACTERS))}`);
const NODE_ID_CHARACTERS = 40;

/** The node that the argument names. */
function nodeNamed({ args, connections }: LocalCall): NodeId | undefined {
  const id = latin1(args[0] as Uint8Array) as NodeId;
  return connections.node.map.nodes.has(id) ? id : undefined;
}

/** No node follows another: it leads some of the other's shards, and the other some of its. */
const replicas = (call: LocalCall): Reply =>
  nodeNamed(call) === undefined ? unknownNode(call.args[0] as Uint8Array) : array([]);

function failureReports(call: LocalCall): Reply {
  const id = nodeNamed(call);
  if (id === undefined) return unknownNode(call.args[0] as Uint8Array);
  return integer(isReachable(call.connections.node, id) ? 0 : 1);
}

export const clusterAnswers: Answers = {
  asking: () => OK,
  readonly({ connection }) {
    connection.stale = true;
    return OK;
  },
  readwrite({ connection }) {
    connection.stale = false;
    return OK;
  },
  "cluster|count-failure-reports": failureReports,
  "cluster|info": ({ connections }) => text(info(connections.node)),
  "cluster|keyslot": ({ args }) => integer(keySlot(args[0] as Uint8Array)),
  "cluster|links": ({ connections }) => links(connections.node),
  "cluster|myid": ({ connections }) => bulk(connections.node.id),
  "cluster|myshardid": ({ connections }) => bulk(connections.node.id),
  "cluster|nodes": ({ connections }) => text(nodes(connections.node)),
  "cluster|replicas": replicas,
  "cluster|shards": ({ connections }) => shards(connections),
  "cluster|slaves": replicas,
  "cluster|slots": ({ connections }) => slots(connections.node),
};
