/**
 * host/net: byte streams between nodes on node:net, or, given a certificate, on node:tls with both sides verified.
 *
 * Invariants
 * - The address is bound before core starts; one that is in use is an error of the start.
 * - A connection's failure is an event of that connection, never an exception.
 * - After `close` nothing is reported, and the socket is gone within `LINGER_MS`.
 * - With TLS nothing of core is read or written before both sides have shown a certificate of the cluster's authority.
 *
 * It does not: frame, or know who is a peer.
 */
export { bindNetwork, type HostNetwork, type HostNetworkOptions } from "./network.ts";
