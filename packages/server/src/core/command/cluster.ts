import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "cluster";
const READS: readonly CommandFlag[] = ["loading", "stale"];
const QUICK: readonly CommandFlag[] = ["fast", "loading", "stale"];

const clusterSubcommands: readonly CommandSpec[] = [
  local({ name: "cluster|help", arity: 2, flags: READS, since: "5.0.0", group, summary: "Lists the subcommands." }),
  local({
    name: "cluster|info",
    arity: 2,
    flags: READS,
    since: "3.0.0",
    group,
    summary: "State of the cluster as this node sees it.",
  }),
  local({ name: "cluster|keyslot", arity: 3, flags: READS, since: "3.0.0", group, summary: "The slot of a key." }),
  local({ name: "cluster|myid", arity: 2, flags: READS, since: "3.0.0", group, summary: "The node's permanent id." }),
  local({
    name: "cluster|nodes",
    arity: 2,
    flags: READS,
    since: "3.0.0",
    group,
    summary: "A line per node: addresses, and the slots of the shards that it leads.",
  }),
  local({
    name: "cluster|shards",
    arity: 2,
    flags: READS,
    since: "7.0.0",
    group,
    summary: "Each shard: its slots and its replicas.",
  }),
  local({
    name: "cluster|slots",
    arity: 2,
    flags: READS,
    since: "3.0.0",
    group,
    summary: "Each range of slots with the nodes that hold it, the leader first.",
  }),
];

/** Group "cluster": where slots are, and how a connection wants to be routed. */
export const clusterCommands: readonly CommandSpec[] = [
  local({
    name: "asking",
    arity: 1,
    flags: ["fast"],
    since: "3.0.0",
    group,
    summary: "Accepted and without effect: slots do not move between shards yet, so no node answers ASK.",
  }),
  local({
    name: "cluster",
    arity: -2,
    flags: [],
    since: "3.0.0",
    group,
    summary: "Container of commands about the cluster.",
    subcommands: clusterSubcommands,
  }),
  local({
    name: "readonly",
    arity: 1,
    flags: QUICK,
    since: "3.0.0",
    group,
    summary: "Lets this connection read from any replica on the node, without asking the leader: answers may be stale.",
  }),
  local({
    name: "readwrite",
    arity: 1,
    flags: QUICK,
    since: "3.0.0",
    group,
    summary: "Takes READONLY back: reads are linearizable again.",
  }),
];
