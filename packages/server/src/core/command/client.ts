import { container, rowsOf } from "./local.ts";
import { CHANGES } from "./tips.ts";
import type { CommandFlag, CommandSpec } from "./types.ts";

const group = "connection";
const sub = rowsOf(group, "client");
const SELF: readonly CommandFlag[] = ["noscript", "loading", "stale"];
const OTHERS: readonly CommandFlag[] = ["admin", ...SELF];

/** CLIENT: the connections of one node, and what a client says about itself. */
export const clientCommand: CommandSpec = container({
  name: "client",
  since: "2.4.0",
  group,
  summary: "Container of commands about connections.",
  subcommands: [
    sub("caching", 3, SELF, "6.0.0", "Refused: there is no tracking."),
    sub("getname", 2, SELF, "2.6.9", "The connection's name, or null."),
    sub("getredir", 2, SELF, "6.0.0", "Always -1: there is no tracking."),
    sub("help", 2, ["loading", "stale"], "5.0.0", "Lists the subcommands."),
    sub("id", 2, SELF, "5.0.0", "The connection's number."),
    sub("info", 2, SELF, "6.2.0", "What the node knows about this connection.", CHANGES),
    sub(
      "kill",
      -3,
      OTHERS,
      "2.4.0",
      "Closes the connection of an address, or those that ID, ADDR, LADDR, TYPE, USER, SKIPME and MAXAGE choose.",
    ),
    sub("list", -2, OTHERS, "2.4.0", "What the node knows about each of its connections.", CHANGES),
    sub("no-evict", 3, OTHERS, "7.0.0", "Accepted and without effect: connections are never evicted for their memory."),
    sub("no-touch", 3, SELF, "7.2.0", "Accepted and without effect: keys carry no access time."),
    sub(
      "pause",
      -3,
      OTHERS,
      "3.0.0",
      "Takes no commands (ALL) or no writes (WRITE) from this node's clients for so many ms.",
    ),
    sub("reply", 3, SELF, "3.2.0", "Sends replies (ON), none (OFF), or not the next one (SKIP)."),
    sub("setinfo", 4, SELF, "7.2.0", "Tells the client library's name (LIB-NAME) or version (LIB-VER)."),
    sub("setname", 3, SELF, "2.6.9", "Names the connection."),
    sub("tracking", -3, SELF, "6.0.0", "OFF is accepted; ON is refused: keys are not tracked for client-side caches."),
    sub("trackinginfo", 2, SELF, "6.2.0", "Says that tracking is off."),
    sub("unblock", -3, OTHERS, "5.0.0", "Always 0: no command that waits here can be ended by another client."),
    sub("unpause", 2, OTHERS, "6.2.0", "Ends CLIENT PAUSE."),
  ],
});
