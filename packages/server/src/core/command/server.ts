import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const ALWAYS: readonly CommandFlag[] = ["loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];

const UNORDERED: readonly string[] = ["nondeterministic_output_order"];

const commandSubcommands: readonly CommandSpec[] = [
  local({
    name: "command|count",
    arity: 2,
    flags: ALWAYS,
    since: "2.8.13",
    group,
    summary: "How many commands there are.",
  }),
  local({
    name: "command|docs",
    arity: -2,
    flags: ALWAYS,
    since: "7.0.0",
    group,
    summary: "Descriptions of all or the named commands.",
    tips: UNORDERED,
  }),
  local({
    name: "command|getkeys",
    arity: -4,
    flags: ALWAYS,
    since: "2.8.13",
    group,
    summary: "The keys in a command with its arguments.",
  }),
  local({
    name: "command|getkeysandflags",
    arity: -4,
    flags: ALWAYS,
    since: "7.0.0",
    group,
    summary: "The keys in a command with its arguments, each with what happens to it.",
  }),
  local({ name: "command|help", arity: 2, flags: ALWAYS, since: "5.0.0", group, summary: "Lists the subcommands." }),
  local({
    name: "command|info",
    arity: -2,
    flags: ALWAYS,
    since: "2.8.13",
    group,
    summary: "Arity, flags and key positions of all or the named commands.",
    tips: UNORDERED,
  }),
  local({
    name: "command|list",
    arity: -2,
    flags: ALWAYS,
    since: "7.0.0",
    group,
    summary: "The names of all commands, or of those that FILTERBY MODULE, ACLCAT or PATTERN leaves.",
    tips: UNORDERED,
  }),
];

const configSubcommands: readonly CommandSpec[] = [
  local({
    name: "config|get",
    arity: -3,
    flags: ADMIN,
    since: "2.0.0",
    group,
    summary: "Values of the settings that match the patterns.",
  }),
  local({ name: "config|help", arity: 2, flags: ALWAYS, since: "5.0.0", group, summary: "Lists the subcommands." }),
  local({
    name: "config|resetstat",
    arity: 2,
    flags: ADMIN,
    since: "2.0.0",
    group,
    summary: "Begins the counts of INFO again.",
  }),
  local({
    name: "config|rewrite",
    arity: 2,
    flags: ADMIN,
    since: "2.8.0",
    group,
    summary: "Refused: what is to last is given when the node starts.",
  }),
  local({
    name: "config|set",
    arity: -4,
    flags: ADMIN,
    since: "2.0.0",
    group,
    summary: "Sets all of the named settings or none, on this node until it stops.",
    tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
  }),
];

/** Group "server": what concerns the node. */
export const serverCommands: readonly CommandSpec[] = [
  local({
    name: "command",
    arity: -1,
    flags: ALWAYS,
    since: "2.8.13",
    group,
    summary: "Describes all commands in Redis' ten fields.",
    tips: UNORDERED,
    subcommands: commandSubcommands,
  }),
  local({
    name: "config",
    arity: -2,
    flags: [],
    since: "2.0.0",
    group,
    summary: "Container of commands about settings.",
    subcommands: configSubcommands,
  }),
  local({
    name: "info",
    arity: -1,
    flags: ALWAYS,
    since: "1.0.0",
    group,
    summary: "Numbers about the node, in Redis' sections.",
    tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
  }),
];
