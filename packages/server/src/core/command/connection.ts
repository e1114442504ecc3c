import { clientCommand } from "./client.ts";
import { local } from "./local.ts";
import { ALL_SHARDS, ALL_SUCCEEDED, SMALLEST } from "./tips.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "connection";
const QUICK: readonly CommandFlag[] = ["noscript", "loading", "stale", "fast"];
/** They say who somebody is, or end the connection: before authentication, and whatever the user's rules are. */
const ENTRY: readonly CommandFlag[] = [...QUICK, "no_auth"];

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
  clientCommand,
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
    tips: [ALL_SHARDS, ALL_SUCCEEDED],
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
  local({
    name: "wait",
    arity: 3,
    flags: ["noscript", "skip_slowlog"],
    since: "3.0.0",
    group,
    summary:
      "How many replicas besides the leader have this connection's writes on disk: waits for so many, at most so many ms. " +
      "A write that was acknowledged is on a majority already.",
    waits: true,
    tips: [ALL_SHARDS, SMALLEST],
  }),
  local({
    name: "waitaof",
    arity: 4,
    flags: ["noscript", "skip_slowlog"],
    since: "7.2.0",
    group,
    summary: "The same, with the leader's own disk as the first number: 1 when it has all of them, in every shard.",
    waits: true,
    tips: [ALL_SHARDS, SMALLEST],
  }),
];
