/**
 * grpc: the `KVStore` service (`proto/kvstore.proto`).
 *
 * Invariants
 * - A failed read is never "missing": Exists is false and Success true only when the store said that there is no key.
 * - Put or Delete answers Success only when the write is acknowledged. When that is unknown the error says INDETERMINATE.
 * - Values come back byte for byte.
 *
 * It does not: retry what may have been done; the node does that, in its own sessions.
 */
export { type GrpcOptions, startGrpc } from "./server.ts";
