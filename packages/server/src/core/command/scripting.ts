import { container, rowsOf } from "./local.ts";
import {
  ALL_NODES,
  ALL_SHARDS,
  ALL_SUCCEEDED,
  ALL_TRUE,
  CHANGES,
  ONE_SUCCEEDED,
  SPECIAL_REPLY,
  UNORDERED,
} from "./tips.ts";
import type { CommandSpec } from "./types.ts";

const group = "scripting";
const functionRow = rowsOf(group, "function");
const scriptRow = rowsOf(group, "script");

/**
 * Group "scripting": there are no scripts and no functions, and these say so. They are here because clients ask what there
 * is, and because tests of clients remove all before they begin. EVAL and FCALL are unknown commands.
 */
export const scriptingCommands: readonly CommandSpec[] = [
  container({
    name: "function",
    since: "7.0.0",
    group,
    summary: "Container of commands about functions, which are not there.",
    subcommands: [
      functionRow("delete", 3, ["write", "noscript"], "7.0.0", "There is no such library.", ALL_SHARDS, ALL_SUCCEEDED),
      functionRow("flush", -2, ["write", "noscript"], "7.0.0", "OK: there are none.", ALL_SHARDS, ALL_SUCCEEDED),
      functionRow("help", 2, ["loading", "stale"], "7.0.0", "Lists the subcommands."),
      functionRow("kill", 2, ["noscript", "allow_busy"], "7.0.0", "None is running.", ALL_SHARDS, ONE_SUCCEEDED),
      functionRow("list", -2, ["noscript"], "7.0.0", "Empty.", UNORDERED),
      functionRow("load", -3, ["write", "denyoom", "noscript"], "7.0.0", "Refused.", ALL_SHARDS, ALL_SUCCEEDED),
      functionRow(
        "stats",
        2,
        ["noscript", "allow_busy"],
        "7.0.0",
        "No script runs, there are no engines.",
        CHANGES,
        ALL_SHARDS,
        SPECIAL_REPLY,
      ),
    ],
  }),
  container({
    name: "script",
    since: "2.6.0",
    group,
    summary: "Container of commands about scripts, which are not there.",
    subcommands: [
      scriptRow("exists", -3, ["noscript"], "2.6.0", "0 for each.", ALL_SHARDS, ALL_TRUE),
      scriptRow("flush", -2, ["noscript"], "2.6.0", "OK: there are none.", ALL_NODES, ALL_SUCCEEDED),
      scriptRow("help", 2, ["loading", "stale"], "5.0.0", "Lists the subcommands."),
      scriptRow("kill", 2, ["noscript", "allow_busy"], "2.6.0", "None is running.", ALL_SHARDS, ONE_SUCCEEDED),
      scriptRow("load", 3, ["noscript", "stale"], "2.6.0", "Refused.", ALL_NODES, ALL_SUCCEEDED),
    ],
  }),
];
