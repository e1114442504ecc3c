/**
 * peer: messages between nodes, over byte streams, and who is where.
 *
 * Each node dials every other, so that a link that is up is known to work in both directions; of the two connections
 * the one dialed by the node with the lower id carries the messages of both. Handshakes name the cluster, the node, its data directory and its start, and tell of all other
 * nodes; changes are gossiped on. docs/formats/peer.md describes every byte.
 *
 * Invariants
 * - Nothing is delivered from a node before its directory id and boot counter are durable here.
 * - A node that presents another directory than the one known, or an older start, is refused and told why.
 * - Whatever bytes arrive, the worst that happens is that their connection is closed.
 * - Time is the count of ticks: when this process stalls, its peers do not look silent.
 * - Messages gather in one frame a pass, in a queue with a limit; what does not fit is dropped and counted.
 *
 * It does not: know what a message means, repeat a lost one, decide who is a member, or encrypt.
 */
export { openPeers } from "./peers.ts";
export type { NodeAddressBook, PeerIdentity, Peers, PeersDisk, PeersHandler, PeersOptions } from "./types.ts";
