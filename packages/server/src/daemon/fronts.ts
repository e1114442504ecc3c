import type { NodeApi, NodeMetrics } from "../core/node/index.ts";
import { Connections } from "../core/session/index.ts";
import {
  type FinishedCall,
  type Front,
  GrpcStatistics,
  type KvStoreOptions,
  type Listen,
  MetricsPage,
  processFacts,
  startGrpc,
  startHttp,
  startResp,
} from "../front/index.ts";
import type { NodeConfig } from "./node-config.ts";
import type { NodeTls } from "./tls.ts";
import { VERSION } from "./version.ts";

/** Everything of a node that clients and operators talk to. */
export interface Fronts {
  close(): Promise<void>;
}

function grpcOptions({ grpc, logger }: NodeConfig, statistics: GrpcStatistics): KvStoreOptions {
  const log = (call: FinishedCall): void =>
    logger.info({ component: "grpc", ...call, ms: Math.round(call.ms * 100) / 100 }, "grpc");
  return {
    defaultDeadlineMs: grpc?.deadlineMs,
    inflightMax: grpc?.inflightMax,
    onCall: (call) => {
      statistics.record(call);
      if (grpc?.logRequests === true) log(call);
    },
  };
}

/** Opens all ports, or none: what was opened before one that fails is closed again. */
export async function openFronts(
  config: NodeConfig,
  node: NodeApi & { metrics(): NodeMetrics },
  tls: NodeTls,
): Promise<Fronts> {
  const { addresses, logger } = config;
  const onError = (error: Error): void =>
    logger.warn({ component: "front", error: error.message }, "a connection could not be accepted");
  const at = (port: number): Listen => ({ host: config.listenHost, port, onError, tls: tls.clients });
  const facts = processFacts(VERSION, { directory: config.dataDirectory, debugCommand: config.debugCommand ?? "no" });
  const connections = new Connections(node, { ...facts, tls: tls.clients !== undefined });
  const { access } = connections;
  const grpc = new GrpcStatistics();
  const metrics = new MetricsPage({
    name: config.name,
    version: VERSION,
    connections,
    grpc,
    certificates: () => tls.facts,
    metrics: () => node.metrics(),
  });
  const open: Front[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((front) => front.close()));
  };
  try {
    open.push(await startResp(connections, { ...at(addresses.respPort), redirect: false }));
    open.push(await startResp(connections, { ...at(addresses.clusterPort), redirect: true }));
    open.push(await startGrpc(node, { ...at(addresses.grpcPort), ...grpcOptions(config, grpc), access }));
    open.push(await startHttp(node, { ...at(addresses.httpPort), metrics, access }));
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
