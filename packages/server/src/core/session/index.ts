/**
 * session: one client connection: parse, route, redirect or forward, reply.
 *
 * Invariants
 * - Replies leave in the order of the commands, whatever order the node answers in.
 * - Per connection and shard, what was sent first happens first: a read is given to the node only when no write of the
 *   connection to that shard is open, and the reverse; a read behind one that had to be tried again is read again, too.
 * - What a client sends is bounded before it is kept: arguments, commands, incomplete input of all connections, open
 *   commands, replies that it does not read. Beyond a bound it gets an error, is not read for a while, or is closed.
 * - Whatever bytes arrive, the worst that happens is that this connection is closed.
 *
 * It does not: own sockets (`front/resp` does), run commands on shards (`node` does), or keep time.
 */

export { type CommandResult, CommandStatistic, CommandStatistics, resultOfError } from "./command-statistics.ts";
export { Connection } from "./connection.ts";
export { Connections } from "./connections.ts";
export type { ClientSocket, DebugCommand, ServerFacts } from "./types.ts";
