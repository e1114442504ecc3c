import { SLOT_COUNT } from "../base/index.ts";
import { local } from "./local.ts";
import { ALL_SHARDS, ALL_SUCCEEDED, CHANGES, SPECIAL_REQUEST, SUM, UNORDERED } from "./tips.ts";
import type { CommandSpec } from "./types.ts";

const flush = (name: string, summary: string): CommandSpec =>
  local({
    name,
    arity: -1,
    flags: ["write"],
    since: "1.0.0",
    group: "server",
    summary,
    tips: [ALL_SHARDS, ALL_SUCCEEDED],
    waits: true,
  });

/**
 * Of groups "generic" and "server": the keys as a whole. On the cluster port they concern the shards that the asked node
 * leads, because cluster clients ask every node; on the other port the whole cluster.
 */
export const keyspaceCommands: readonly CommandSpec[] = [
  local({
    name: "scan",
    arity: -2,
    flags: ["readonly"],
    since: "2.8.0",
    group: "generic",
    summary: "Some of the keys and a cursor for those behind them: MATCH a pattern, COUNT about so many, TYPE string.",
    tips: [CHANGES, SPECIAL_REQUEST],
    waits: true,
  }),
  local({
    name: "keys",
    arity: 2,
    flags: ["readonly"],
    since: "1.0.0",
    group: "generic",
    summary: "All keys that match a pattern, up to some 100,000 of them; see SCAN.",
    tips: [ALL_SHARDS, UNORDERED],
    waits: true,
  }),
  local({
    name: "randomkey",
    arity: 1,
    flags: ["readonly"],
    since: "1.0.0",
    group: "generic",
    summary: "Some key.",
    tips: [ALL_SHARDS, CHANGES],
    waits: true,
  }),
  local({
    name: "dbsize",
    arity: 1,
    flags: ["readonly", "fast"],
    since: "1.0.0",
    group: "server",
    summary: "How many keys there are.",
    tips: [ALL_SHARDS, SUM],
    waits: true,
  }),
  flush("flushall", "Removes all keys: each shard in one step, not all shards at the same time."),
  flush("flushdb", "The same as FLUSHALL: there is one database."),
  local({
    name: "time",
    arity: 1,
    flags: ["loading", "stale", "fast"],
    since: "2.6.0",
    group: "server",
    summary: "The node's clock: Unix time in seconds, and microseconds.",
    tips: [CHANGES],
  }),
];

/** Subcommands of CLUSTER about the keys of a slot. */
export const slotSubcommands: readonly CommandSpec[] = [
  local({
    name: "cluster|countkeysinslot",
    arity: 3,
    flags: ["stale"],
    since: "3.0.0",
    group: "cluster",
    summary: `How many keys a slot (0 to ${SLOT_COUNT - 1}) has.`,
    waits: true,
  }),
  local({
    name: "cluster|getkeysinslot",
    arity: 4,
    flags: ["stale"],
    since: "3.0.0",
    group: "cluster",
    summary: "Up to so many of the keys of a slot, in the order of their bytes.",
    tips: [CHANGES],
    waits: true,
  }),
];
