import { local } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const ALWAYS: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", ...ALWAYS];

const sub = (name: string, arity: number, flags: readonly CommandFlag[], summary: string, waits = false): CommandSpec =>
  local({ name: `acl|${name}`, arity, flags, since: SINCE[name] ?? "6.0.0", group, summary, ...(waits && { waits }) });

const SINCE: Readonly<Record<string, string>> = { dryrun: "7.0.0" };

const subcommands: readonly CommandSpec[] = [
  sub("cat", -2, ALWAYS, "All categories, or the commands of one."),
  sub("deluser", -3, ADMIN, "Removes users on all nodes and closes their connections.", true),
  sub("dryrun", -4, ADMIN, "Whether a user may run a command, without running it."),
  sub("genpass", -2, ALWAYS, "A random password of 256 bits, or of so many."),
  sub("getuser", 3, ADMIN, "A user's flags, hashes of passwords, commands, keys and channels."),
  sub("help", 2, ["loading", "stale"], "Lists the subcommands."),
  sub("list", 2, ADMIN, "All users with their rules."),
  sub("load", 2, ADMIN, "An error: users are kept by the cluster, not in a file."),
  sub("log", -2, ADMIN, "What this node refused lately, newest first; RESET forgets it."),
  sub("save", 2, ADMIN, "OK: every change of users is durable when it is answered."),
  sub("setuser", -3, ADMIN, "Makes or changes a user on all nodes.", true),
  sub("users", 2, ADMIN, "The names of all users."),
  sub("whoami", 2, ALWAYS, "The name of the connection's user."),
];

/** Of group "server": users and their rules, which are part of the cluster map. */
export const aclCommands: readonly CommandSpec[] = [
  local({
    name: "acl",
    arity: -2,
    flags: [],
    since: "6.0.0",
    group,
    summary: "Container of commands about users.",
    subcommands,
  }),
];
