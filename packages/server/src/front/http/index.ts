/**
 * http: what operators and orchestrators ask a node.
 *
 * Invariants: reads only; answering costs no disk and no other node.
 */
export { startHttp } from "./server.ts";
