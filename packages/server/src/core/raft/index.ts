/**
 * raft: the binding to the Raft core, which is TiKV's raft-rs in WebAssembly (packages/raft-core).
 *
 * One `RaftCore` holds all groups of a node. Commands gather in one buffer; `exec` runs them and reports what came of
 * it, at most one Ready a group.
 *
 * Invariants
 * - The core is a function of its commands and of `random`: the simulator runs it as it is.
 * - What a peer sends is checked before raft-rs sees it; what is malformed is dropped and counted, and never traps.
 * - A trap is an `InvariantViolation`. The core is dead after it, and the process must end.
 * - A proposal or a read is taken by a leader or refused, never forwarded; what is taken and lost is reported.
 * - Nothing of a term leaves before term and vote are durable, nothing a follower promises before its write is.
 *
 * It does not: keep time, send, write, apply, or read the .wasm (the host hands its bytes over).
 */
export {
  type DecodedConfChange,
  decodeConfChange,
  encodeConfChange,
  leaveJoint,
  type MemberChange,
  type Transition,
} from "./conf-change.ts";
export { createRaftCore, RAFT_CORE_OPTIONS } from "./create.ts";
export * from "./types.ts";
