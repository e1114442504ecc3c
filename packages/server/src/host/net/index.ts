/**
 * host/net: byte streams between nodes on node:net.
 *
 * Invariants
 * - The address is bound before core starts; one that is in use is an error of the start.
 * - A connection's failure is an event of that connection, never an exception.
 * - After `close` nothing is reported, and the socket is gone within `LINGER_MS`.
 *
 * It does not: frame, encrypt, or know who is a peer.
 */
export { bindNetwork, type HostNetwork, type HostNetworkOptions } from "./network.ts";
