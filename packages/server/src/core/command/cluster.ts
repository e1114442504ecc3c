import { slotSubcommands } from "./keyspace.ts";
import { container, local, rowsOf } from "./local.ts";
import { CHANGES } from "./tips.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "cluster";
const sub = rowsOf(group, "cluster");
const READS: readonly CommandFlag[] = ["stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "stale"];
const QUICK: readonly CommandFlag[] = ["fast", "loading", "stale"];

const clusterSubcommands: readonly CommandSpec[] = [
  ...slotSubcommands,
  sub(
    "count-failure-reports",
    3,
    ADMIN,
    "3.0.0",
    "1 when this node cannot reach the named one, else 0: nodes do not collect what others think.",
    CHANGES,
  ),
  sub("help", 2, ["loading", "stale"], "5.0.0", "Lists the subcommands."),
  sub("info", 2, READS, "3.0.0", "State of the cluster as this node sees it.", CHANGES),
  sub("keyslot", 3, READS, "3.0.0", "The slot of a key."),
  sub("links", 2, READS, "7.0.0", "The other nodes that this one is connected with.", CHANGES),
  sub("myid", 2, READS, "3.0.0", "The node's permanent id."),
  sub("myshardid", 2, READS, "7.2.0", "The node's permanent id, too: a node belongs to many shards.", CHANGES),
  sub("nodes", 2, READS, "3.0.0", "A line per node: addresses, and the slots of the shards that it leads.", CHANGES),
  sub("replicas", 3, ADMIN, "5.0.0", "Empty: no node follows another in everything; see CLUSTER SHARDS.", CHANGES),
  sub("shards", 2, READS, "7.0.0", "Each shard: its slots and its replicas.", CHANGES),
  sub("slaves", 3, ADMIN, "3.0.0", "The same as CLUSTER REPLICAS.", CHANGES),
  sub("slots", 2, READS, "3.0.0", "Each range of slots with the nodes that hold it, the leader first.", CHANGES),
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
  container({
    name: "cluster",
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
