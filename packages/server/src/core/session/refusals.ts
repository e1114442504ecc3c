import { type ErrorReply, err, errorReply, unknownCommand, word } from "../command/index.ts";

const NO_SCRIPTS = "Scripts do not run here: commands of one slot become one atomic step with MULTI, EXEC and WATCH.";
const SAVED = "Nothing has to be saved: what was acknowledged is synced on the disks of a majority.";
const LEADERS = "Leaders are elected, and move by themselves; the nodes of a cluster are those of its first start.";

/** Commands of Redis that operators and their scripts send, and what to do instead. They are not in the command table. */
const REFUSED: ReadonlyMap<string, ErrorReply> = new Map([
  ["replicaof", err(`REPLICAOF not allowed in cluster mode. ${LEADERS}`)],
  ["slaveof", err(`SLAVEOF not allowed in cluster mode. ${LEADERS}`)],
  ["failover", err(`FAILOVER not allowed in cluster mode. ${LEADERS}`)],
  ["save", err(`SAVE writes no file here. ${SAVED}`)],
  ["bgsave", err(`BGSAVE writes no file here. ${SAVED}`)],
  ["bgrewriteaof", err(`BGREWRITEAOF has nothing to rewrite: the log is recycled by itself. ${SAVED}`)],
  ["shutdown", err("SHUTDOWN does not stop a node: send SIGTERM to its process, or stop it with the sherd command.")],
  ["swapdb", err("SWAPDB is not allowed in cluster mode: there is one database.")],
  ["move", err("MOVE is not allowed in cluster mode: there is one database.")],
  ["psync", err("PSYNC is not how replicas follow here: every node has a port of its own for the others.")],
  ["sync", err("SYNC is not how replicas follow here: every node has a port of its own for the others.")],
]);
/** Clients that would use scripts look for `unknown command`, and do without. */
const SCRIPTS: ReadonlySet<string> = new Set(["eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro"]);

/** The answer to a command that is not in the table. */
export function unknownOrRefused(name: Uint8Array, args: readonly Uint8Array[]): ErrorReply {
  const known = REFUSED.get(word(name));
  if (known !== undefined) return known;
  const unknown = unknownCommand(name, args);
  return SCRIPTS.has(word(name)) ? errorReply(unknown.kind, `${unknown.text}. ${NO_SCRIPTS}`) : unknown;
}
