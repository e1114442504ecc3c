/**
 * resp: the two RESP ports of a node.
 *
 * Invariants: a socket's bytes go to its `Connection` and back, nothing is decided here.
 * It does not: know RESP (`core/session` does).
 */
export { processFacts } from "./facts.ts";
export { type RespOptions, startResp } from "./server.ts";
