/**
 * node: multi-raft. All replicas of a node share one Raft core, one log, one store and one loop.
 *
 * Invariants
 * - The pass is the only place where the core runs. Inputs append to its commands and ask for a pass; nothing else.
 * - What leaves in a pass: one buffer per peer, one write to the log, one write per client connection.
 * - Everything that a Ready promises leaves after it is durable, Readys of a group strictly in order (`persist.ts`).
 * - A forwarded write takes effect once (`forward-out.ts`); an error that invites a retry means that nothing happened.
 *
 * It does not: open files or sockets, or know RESP.
 */

export type { NodeMetrics, ReplicaMetrics } from "./metrics.ts";
export { Node } from "./node.ts";
export { type OpenNodeOptions, openNode } from "./open.ts";
export type { ReplicasHolding } from "./replicas-holding.ts";
export type {
  GroupStatus,
  LeaderHint,
  NodeApi,
  NodeFigures,
  NodeOptions,
  NodeStatus,
  Published,
  Request,
} from "./types.ts";
export type { ChangeUsers } from "./user-changes.ts";
