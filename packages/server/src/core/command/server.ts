import { container, local, rowsOf } from "./local.ts";
import { ALL_NODES, ALL_SHARDS, ALL_SUCCEEDED, CHANGES, SPECIAL_REPLY, UNORDERED } from "./tips.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const commandRow = rowsOf(group, "command");
const configRow = rowsOf(group, "config");
const moduleRow = rowsOf(group, "module");
const ALWAYS: readonly CommandFlag[] = ["loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", "noscript", "loading", "stale"];

const commandSubcommands: readonly CommandSpec[] = [
  commandRow("count", 2, ALWAYS, "2.8.13", "How many commands there are."),
  commandRow("docs", -2, ALWAYS, "7.0.0", "Descriptions of all or the named commands.", UNORDERED),
  commandRow("getkeys", -4, ALWAYS, "2.8.13", "The keys in a command with its arguments."),
  commandRow(
    "getkeysandflags",
    -4,
    ALWAYS,
    "7.0.0",
    "The keys in a command with its arguments, each with what happens to it.",
  ),
  commandRow("help", 2, ALWAYS, "5.0.0", "Lists the subcommands."),
  commandRow("info", -2, ALWAYS, "2.8.13", "Arity, flags and key positions of all or the named commands.", UNORDERED),
  commandRow(
    "list",
    -2,
    ALWAYS,
    "7.0.0",
    "The names of all commands, or of those that FILTERBY MODULE, ACLCAT or PATTERN leaves.",
    UNORDERED,
  ),
];

const configSubcommands: readonly CommandSpec[] = [
  configRow("get", -3, ADMIN, "2.0.0", "Values of the settings that match the patterns."),
  configRow("help", 2, ALWAYS, "5.0.0", "Lists the subcommands."),
  configRow("resetstat", 2, ADMIN, "2.0.0", "Begins the counts of INFO again."),
  configRow("rewrite", 2, ADMIN, "2.8.0", "Refused: what is to last is given when the node starts."),
  configRow(
    "set",
    -4,
    ADMIN,
    "2.0.0",
    "Sets all of the named settings or none, on this node until it stops.",
    ALL_NODES,
    ALL_SUCCEEDED,
  ),
];

const moduleSubcommands: readonly CommandSpec[] = [
  moduleRow("help", 2, ALWAYS, "5.0.0", "Lists the subcommands."),
  moduleRow("list", 2, ["admin", "noscript"], "4.0.0", "Empty: there are no modules.", UNORDERED),
  moduleRow("load", -3, ["admin", "noscript"], "4.0.0", "Refused."),
  moduleRow("loadex", -3, ["admin", "noscript"], "7.0.0", "Refused."),
  moduleRow("unload", 3, ["admin", "noscript"], "4.0.0", "Refused."),
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
    tips: [UNORDERED],
    subcommands: commandSubcommands,
  }),
  container({
    name: "config",
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
    tips: [CHANGES, ALL_SHARDS, SPECIAL_REPLY],
  }),
  container({
    name: "module",
    since: "4.0.0",
    group,
    summary: "Container of commands about modules, which are not there: clients ask which there are.",
    subcommands: moduleSubcommands,
  }),
];
