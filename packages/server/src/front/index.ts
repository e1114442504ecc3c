/**
 * front: the adapters between a node and its clients: RESP, gRPC, HTTP.
 *
 * Invariants: no decision about data is made here; whatever bytes arrive, at worst their connection is closed.
 * It does not: know Raft, disks or other nodes; it has a `NodeApi`.
 */
export { type FinishedCall, type GrpcOptions, GrpcStatistics, type KvStoreOptions, startGrpc } from "./grpc/index.ts";
export { startHttp } from "./http/index.ts";
export type { Front, Listen } from "./listen.ts";
export { MetricsPage } from "./metrics/index.ts";
export { processFacts, type RespOptions, startResp } from "./resp/index.ts";
