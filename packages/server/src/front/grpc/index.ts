/**
 * grpc: the `KVStore` service (`proto/kvstore.proto`), with gRPC's services of health and reflection beside it.
 *
 * Invariants
 * - A failed read is never "missing": Exists is false and Success true only when the store said that there is no key.
 * - Put or Delete answers Success only when the write is acknowledged. When that is unknown the error says INDETERMINATE.
 * - Values come back byte for byte.
 * - Calls given to the node at once, and those that wait, are bounded in number and bytes, whoever still waits for them.
 *
 * It does not: retry what may have been done; the node does that, in its own sessions.
 */
export type { FinishedCall, KvStoreOptions } from "./kvstore.ts";
export { type GrpcOptions, startGrpc } from "./server.ts";
export { GrpcStatistics } from "./statistics.ts";
