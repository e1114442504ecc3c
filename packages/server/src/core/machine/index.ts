/**
 * machine: the state machine of a shard. Entries in, rows and replies out.
 *
 * Invariants
 * - It sees its rows and the entry, nothing else: no clock, no randomness, no configuration. The same entries give the
 *   same rows and the same replies on every replica.
 * - An entry is one atomic step: its rows, its sessions, its counts and its applied index change between two events of
 *   the node, so a flush holds all of it or nothing.
 * - A retried command (same session, same sequence) has its effect once.
 * - A command that fails is a reply like any other. An entry that cannot be decoded stops the replica; it is never skipped.
 *
 * It does not: wait for rows (the replica makes them resident first), know Raft's roles, or speak to clients.
 */
export { type AppliedPosition, AppliedState, decodeConfState, encodeConfState, initialSystemRows } from "./applied.ts";
export {
  type CommandOrigin,
  type CommandView,
  decodeCommandArgs,
  EntryDecoder,
  EntryEncoder,
  encodeCommandArgs,
  NO_SESSION,
  Opcode,
} from "./entry.ts";
export { ANNOUNCE, END, FLUSH, REFUSE, SESSION_OPEN, TIME, USERS } from "./internal-commands.ts";
export {
  decodeKeyPageReply,
  decodeKeyPageRequest,
  encodeKeyPageReply,
  encodeKeyPageRequest,
  KEY_PAGE,
  type KeyPageReply,
  type KeyPageRequest,
  keyReadFits,
  keyReadOf,
  PLACES_END,
  RANDOM_KEY,
  SHARD_KEYS,
  SLOT_KEYS,
} from "./key-reads.ts";
export { KeyspaceCounts } from "./keyspace-counts.ts";
export { decodeReply, encodeReply } from "./reply.ts";
export { SESSION_ERROR, type SessionErrorKind, Sessions } from "./sessions.ts";
export { ShardMachine } from "./shard-machine.ts";
export type { ReplySink, StateMachine } from "./types.ts";
