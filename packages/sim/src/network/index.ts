/**
 * network: byte streams between simulated nodes, under production's `core/peer`.
 *
 * Fault model
 * - Streams are delayed, cut into pieces, and broken anywhere, also within a frame; their bytes are never altered.
 * - Each direction between two nodes can be blocked by itself: what was sent arrives when it is free again, if the
 *   connection lasts; connections cannot be made. A direction can be slow, and narrow.
 * - A killed process refuses connections at once; one whose host lost power is only silent until it is back.
 * - Nodes move to other addresses. At an address that somebody left nobody answers, or another node does.
 * - Whole messages are lost; those of the Raft core also come twice or late.
 *
 * Invariants
 * - Nothing is called inside a call of the process.
 * - Nothing reaches a process that was sent to an earlier one of the same node.
 *
 * It does not: know what a frame or a message is, but for its first byte.
 */
export { faultyLinks } from "./messages.ts";
export { type NetworkOptions, SimNetwork } from "./network.ts";
