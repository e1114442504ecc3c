import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const READS: readonly CommandFlag[] = ["loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];
const SLOWLOG: readonly CommandFlag[] = ["admin", "loading", "stale"];

const ALL_NODES = "request_policy:all_nodes";
const ALL_SUCCEEDED = "response_policy:all_succeeded";
const SPECIAL = "response_policy:special";
const CHANGES = "nondeterministic_output";

function container(name: string, since: string, summary: string, subcommands: readonly CommandSpec[]): CommandSpec {
  return local({ name, arity: -2, flags: [], since, group, summary, subcommands });
}

const sub = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  ...tips: readonly string[]
): CommandSpec => local({ name, arity, flags, since, group, summary, ...(tips.length > 0 && { tips }) });

const slowlog = container("slowlog", "2.2.12", "Container of commands about slow commands.", [
  sub(
    "slowlog|get",
    -2,
    SLOWLOG,
    "2.2.12",
    "The latest commands that took longer than slowlog-log-slower-than, from arrival to reply.",
    ALL_NODES,
    CHANGES,
  ),
  sub("slowlog|help", 2, READS, "6.2.0", "Lists the subcommands."),
  sub("slowlog|len", 2, SLOWLOG, "2.2.12", "How many are kept.", ALL_NODES, "response_policy:agg_sum", CHANGES),
  sub("slowlog|reset", 2, SLOWLOG, "2.2.12", "Forgets them.", ALL_NODES, ALL_SUCCEEDED),
]);

const latency = container("latency", "2.8.13", "Container of commands about moments in which the node was slow.", [
  sub(
    "latency|doctor",
    2,
    ADMIN,
    "2.8.13",
    "What was slow, in words, and what to look at.",
    CHANGES,
    ALL_NODES,
    SPECIAL,
  ),
  sub("latency|graph", 3, ADMIN, "2.8.13", "An event's history, drawn.", CHANGES, ALL_NODES, SPECIAL),
  sub("latency|help", 2, READS, "2.8.13", "Lists the subcommands."),
  sub(
    "latency|histogram",
    -2,
    ADMIN,
    "7.0.0",
    "How long all or the named commands took: counts by powers of two of microseconds.",
    CHANGES,
    ALL_NODES,
    SPECIAL,
  ),
  sub(
    "latency|history",
    3,
    ADMIN,
    "2.8.13",
    "Moment and milliseconds of an event's last 160 times.",
    CHANGES,
    ALL_NODES,
    SPECIAL,
  ),
  sub(
    "latency|latest",
    2,
    ADMIN,
    "2.8.13",
    "Each event with its last and its longest time.",
    CHANGES,
    ALL_NODES,
    SPECIAL,
  ),
  sub("latency|reset", -2, ADMIN, "2.8.13", "Forgets all or the named events.", ALL_NODES, ALL_SUCCEEDED),
]);

/** What people who run nodes ask of one. */
export const operationsCommands: readonly CommandSpec[] = [
  slowlog,
  latency,
  sub(
    "debug",
    -2,
    ADMIN,
    "1.0.0",
    "SLEEP seconds stops the node for that time, SET-ACTIVE-EXPIRE 0|1 stops or continues the removal of ended keys. " +
      "Refused unless the node was started with enable-debug-command.",
  ),
  sub(
    "lastsave",
    1,
    ["loading", "stale", "fast"],
    "1.0.0",
    "The present moment: what is acknowledged is always on disk.",
    CHANGES,
  ),
  sub("lolwut", -1, ["readonly", "fast"], "5.0.0", "The versions."),
  sub(
    "monitor",
    1,
    ADMIN,
    "1.0.0",
    "Shows every command that this node's clients send. Closed when it cannot keep up.",
  ),
  sub(
    "role",
    1,
    ["noscript", "loading", "stale", "fast"],
    "2.8.12",
    "`master`, entries applied by the shards that this node leads, and the other nodes with what they are known to have of them.",
  ),
];
