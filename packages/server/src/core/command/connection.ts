import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "connection";
const QUICK: readonly CommandFlag[] = ["noscript", "loading", "stale", "fast"];
/** They say who somebody is, or end the connection: before authentication, and whatever the user's rules are. */
const ENTRY: readonly CommandFlag[] = [...QUICK, "no_auth"];
const SLOW: readonly CommandFlag[] = ["noscript", "loading", "stale"];

const clientSubcommands: readonly CommandSpec[] = [
  local({
    name: "client|getname",
    arity: 2,
    flags: SLOW,
    since: "2.6.9",
    group,
    summary: "The connection's name, or null.",
  }),
  local({ name: "client|help", arity: 2, flags: SLOW, since: "5.0.0", group, summary: "Lists the subcommands." }),
  local({ name: "client|id", arity: 2, flags: SLOW, since: "5.0.0", group, summary: "The connection's number." }),
  local({
    name: "client|info",
    arity: 2,
    flags: SLOW,
    since: "6.2.0",
    group,
    summary: "What the node knows about this connection.",
  }),
  local({
    name: "client|list",
    arity: -2,
    flags: ["admin", ...SLOW],
    since: "2.4.0",
    group,
    summary: "What the node knows about each of its connections.",
  }),
  local({
    name: "client|no-evict",
    arity: 3,
    flags: ["admin", ...SLOW],
    since: "7.0.0",
    group,
    summary: "Accepted and without effect: connections are never evicted for their memory.",
  }),
  local({
    name: "client|no-touch",
    arity: 3,
    flags: SLOW,
    since: "7.2.0",
    group,
    summary: "Accepted and without effect: keys carry no access time.",
  }),
  local({
    name: "client|setinfo",
    arity: 4,
    flags: SLOW,
    since: "7.2.0",
    group,
    summary: "Tells the client library's name (LIB-NAME) or version (LIB-VER).",
  }),
  local({
    name: "client|setname",
    arity: 3,
    flags: SLOW,
    since: "2.6.9",
    group,
    summary: "Names the connection.",
  }),
];

/** Group "connection": what concerns one client's connection alone. */
export const connectionCommands: readonly CommandSpec[] = [
  local({
    name: "auth",
    arity: -2,
    flags: ENTRY,
    since: "1.0.0",
    group,
    summary: "Authenticates the connection as a user, the default one if only a password is given.",
  }),
  local({
    name: "client",
    arity: -2,
    flags: [],
    since: "2.4.0",
    group,
    summary: "Container of commands about connections.",
    subcommands: clientSubcommands,
  }),
  local({
    name: "echo",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    since: "1.0.0",
    group,
    summary: "The argument.",
  }),
  local({
    name: "hello",
    arity: -1,
    flags: ENTRY,
    since: "6.0.0",
    group,
    summary: "Chooses RESP2 or RESP3, may authenticate and name the connection, and describes the node.",
  }),
  local({
    name: "ping",
    arity: -1,
    flags: ["fast"],
    since: "1.0.0",
    group,
    summary: "PONG, or the argument.",
    tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
  }),
  local({
    name: "quit",
    arity: -1,
    flags: ENTRY,
    since: "1.0.0",
    group,
    summary: "Closes the connection after all replies have been sent.",
  }),
  local({
    name: "reset",
    arity: 1,
    flags: ENTRY,
    since: "6.2.0",
    group,
    summary: "Puts the connection back into the state of a new one.",
  }),
  local({
    name: "select",
    arity: 2,
    flags: ["loading", "stale", "fast"],
    since: "1.0.0",
    group,
    summary: "Accepts database 0, the only one.",
  }),
];
