/**
 * front: the adapters between a node and its clients: RESP, gRPC, HTTP.
 *
 * Invariants: no decision about data is made here; whatever bytes arrive, at worst their connection is closed.
 * It does not: know Raft, disks or other nodes; it has a `NodeApi`.
 */
export { type GrpcOptions, type KvStoreOptions, startGrpc } from "./grpc/index.ts";
export { startHttp } from "./http/index.ts";
export type { Front, Listen } from "./listen.ts";
export { processFacts, type RespOptions, startResp } from "./resp/index.ts";
