import { container, rowsOf } from "./local.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "server";
const ALWAYS: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const ADMIN: readonly CommandFlag[] = ["admin", ...ALWAYS];

const sub = rowsOf(group, "acl");
/** It is done when a majority has it. */
const waiting = (spec: CommandSpec): CommandSpec => ({ ...spec, waits: true });

const subcommands: readonly CommandSpec[] = [
  sub("cat", -2, ALWAYS, "6.0.0", "All categories, or the commands of one."),
  waiting(sub("deluser", -3, ADMIN, "6.0.0", "Removes users on all nodes and closes their connections.")),
  sub("dryrun", -4, ADMIN, "7.0.0", "Whether a user may run a command, without running it."),
  sub("genpass", -2, ALWAYS, "6.0.0", "A random password of 256 bits, or of so many."),
  sub("getuser", 3, ADMIN, "6.0.0", "A user's flags, hashes of passwords, commands, keys and channels."),
  sub("help", 2, ["loading", "stale"], "6.0.0", "Lists the subcommands."),
  sub("list", 2, ADMIN, "6.0.0", "All users with their rules."),
  sub("load", 2, ADMIN, "6.0.0", "An error: users are kept by the cluster, not in a file."),
  sub("log", -2, ADMIN, "6.0.0", "What this node refused lately, newest first; RESET forgets it."),
  sub("save", 2, ADMIN, "6.0.0", "OK: every change of users is durable when it is answered."),
  waiting(sub("setuser", -3, ADMIN, "6.0.0", "Makes or changes a user on all nodes.")),
  sub("users", 2, ADMIN, "6.0.0", "The names of all users."),
  sub("whoami", 2, ALWAYS, "6.0.0", "The name of the connection's user."),
];

/** Of group "server": users and their rules, which are part of the cluster map. */
export const aclCommands: readonly CommandSpec[] = [
  container({
    name: "acl",
    since: "6.0.0",
    group,
    summary: "Container of commands about users.",
    subcommands,
  }),
];
