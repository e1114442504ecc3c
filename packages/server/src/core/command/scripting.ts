import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "scripting";
const ALL_SHARDS = "request_policy:all_shards";
const ALL_NODES = "request_policy:all_nodes";
const ALL_SUCCEEDED = "response_policy:all_succeeded";
const ONE_SUCCEEDED = "response_policy:one_succeeded";

const sub = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  ...tips: readonly string[]
): CommandSpec => local({ name, arity, flags, since, group, summary, ...(tips.length > 0 && { tips }) });

/**
 * Group "scripting": there are no scripts and no functions, and these say so. They are here because clients ask what there
 * is, and because tests of clients remove all before they begin. EVAL and FCALL are unknown commands.
 */
export const scriptingCommands: readonly CommandSpec[] = [
  local({
    name: "function",
    arity: -2,
    flags: [],
    since: "7.0.0",
    group,
    summary: "Container of commands about functions, which are not there.",
    subcommands: [
      sub("function|delete", 3, ["write", "noscript"], "7.0.0", "There is no such library.", ALL_SHARDS, ALL_SUCCEEDED),
      sub("function|flush", -2, ["write", "noscript"], "7.0.0", "OK: there are none.", ALL_SHARDS, ALL_SUCCEEDED),
      sub("function|help", 2, ["loading", "stale"], "7.0.0", "Lists the subcommands."),
      sub("function|kill", 2, ["noscript", "allow_busy"], "7.0.0", "None is running.", ALL_SHARDS, ONE_SUCCEEDED),
      sub("function|list", -2, ["noscript"], "7.0.0", "Empty.", "nondeterministic_output_order"),
      sub("function|load", -3, ["write", "denyoom", "noscript"], "7.0.0", "Refused.", ALL_SHARDS, ALL_SUCCEEDED),
      sub(
        "function|stats",
        2,
        ["noscript", "allow_busy"],
        "7.0.0",
        "No script runs, there are no engines.",
        "nondeterministic_output",
        ALL_SHARDS,
        "response_policy:special",
      ),
    ],
  }),
  local({
    name: "script",
    arity: -2,
    flags: [],
    since: "2.6.0",
    group,
    summary: "Container of commands about scripts, which are not there.",
    subcommands: [
      sub("script|exists", -3, ["noscript"], "2.6.0", "0 for each.", ALL_SHARDS, "response_policy:agg_logical_and"),
      sub("script|flush", -2, ["noscript"], "2.6.0", "OK: there are none.", ALL_NODES, ALL_SUCCEEDED),
      sub("script|help", 2, ["loading", "stale"], "5.0.0", "Lists the subcommands."),
      sub("script|kill", 2, ["noscript", "allow_busy"], "2.6.0", "None is running.", ALL_SHARDS, ONE_SUCCEEDED),
      sub("script|load", 3, ["noscript", "stale"], "2.6.0", "Refused.", ALL_NODES, ALL_SUCCEEDED),
    ],
  }),
];
