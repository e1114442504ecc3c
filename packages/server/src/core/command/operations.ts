import { container, rowsOf } from "./local.ts";
import { ALL_NODES, ALL_SUCCEEDED, CHANGES, SPECIAL_REPLY, SUM } from "./tips.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const row = rowsOf(group);
const slowlogRow = rowsOf(group, "slowlog");
const latencyRow = rowsOf(group, "latency");
const READS: readonly CommandFlag[] = ["loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];
const SLOWLOG: readonly CommandFlag[] = ["admin", "loading", "stale"];

const slowlog = container({
  name: "slowlog",
  since: "2.2.12",
  group,
  summary: "Container of commands about slow commands.",
  subcommands: [
    slowlogRow(
      "get",
      -2,
      SLOWLOG,
      "2.2.12",
      "The latest commands that took longer than slowlog-log-slower-than, from arrival to reply.",
      ALL_NODES,
      CHANGES,
    ),
    slowlogRow("help", 2, READS, "6.2.0", "Lists the subcommands."),
    slowlogRow("len", 2, SLOWLOG, "2.2.12", "How many are kept.", ALL_NODES, SUM, CHANGES),
    slowlogRow("reset", 2, SLOWLOG, "2.2.12", "Forgets them.", ALL_NODES, ALL_SUCCEEDED),
  ],
});

const latency = container({
  name: "latency",
  since: "2.8.13",
  group,
  summary: "Container of commands about moments in which the node was slow.",
  subcommands: [
    latencyRow(
      "doctor",
      2,
      ADMIN,
      "2.8.13",
      "What was slow, in words, and what to look at.",
      CHANGES,
      ALL_NODES,
      SPECIAL_REPLY,
    ),
    latencyRow("graph", 3, ADMIN, "2.8.13", "An event's history, drawn.", CHANGES, ALL_NODES, SPECIAL_REPLY),
    latencyRow("help", 2, READS, "2.8.13", "Lists the subcommands."),
    latencyRow(
      "histogram",
      -2,
      ADMIN,
      "7.0.0",
      "How long all or the named commands took: counts by powers of two of microseconds.",
      CHANGES,
      ALL_NODES,
      SPECIAL_REPLY,
    ),
    latencyRow(
      "history",
      3,
      ADMIN,
      "2.8.13",
      "Moment and milliseconds of an event's last 160 times.",
      CHANGES,
      ALL_NODES,
      SPECIAL_REPLY,
    ),
    latencyRow(
      "latest",
      2,
      ADMIN,
      "2.8.13",
      "Each event with its last and its longest time.",
      CHANGES,
      ALL_NODES,
      SPECIAL_REPLY,
    ),
    latencyRow("reset", -2, ADMIN, "2.8.13", "Forgets all or the named events.", ALL_NODES, ALL_SUCCEEDED),
  ],
});

/** What people who run nodes ask of one. */
export const operationsCommands: readonly CommandSpec[] = [
  slowlog,
  latency,
  row(
    "debug",
    -2,
    ADMIN,
    "1.0.0",
    "SLEEP seconds stops the node for that time, SET-ACTIVE-EXPIRE 0|1 stops or continues the removal of ended keys. " +
      "Refused unless the node was started with enable-debug-command.",
  ),
  row(
    "lastsave",
    1,
    ["loading", "stale", "fast"],
    "1.0.0",
    "The present moment: what is acknowledged is always on disk.",
    CHANGES,
  ),
  row("lolwut", -1, ["readonly", "fast"], "5.0.0", "The versions."),
  row(
    "monitor",
    1,
    ADMIN,
    "1.0.0",
    "Shows every command that this node's clients send. Closed when it cannot keep up.",
  ),
  row(
    "role",
    1,
    ["noscript", "loading", "stale", "fast"],
    "2.8.12",
    "`master`, entries applied by the shards that this node leads, and the other nodes with what they are known to have of them.",
  ),
];
