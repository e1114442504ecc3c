/**
 * network: links between simulated nodes. Stands in for `core/peer`.
 *
 * Fault model
 * - Messages are delayed, lost, and when asked duplicated or overtaken; never altered. What is under way when a
 *   connection ends may still arrive, also after the next one has begun.
 * - Each direction can be blocked by itself. What arrives at a blocked place waits for as long as the link lasts; a
 *   silent link is given up after a while, and made again when both directions are free.
 * - A killed process refuses connections at once; one whose host lost power is only silent.
 *
 * Invariants
 * - A process hears of a peer's end before it hears of its next start.
 * - Nothing reaches a process that was sent to an earlier one of the same node.
 * - A message that is not flushed does not leave; the receiver's view of it dies with the call.
 *
 * It does not: carry bytes in streams (`core/peer` is tested on its own), or limit bandwidth.
 */
export type { Endpoint } from "./direction.ts";
export { type NetworkOptions, SimNetwork } from "./network.ts";
