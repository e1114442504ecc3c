import type { NodeApi } from "../core/node/index.ts";
import { Connections } from "../core/session/index.ts";
import {
  type Front,
  type KvStoreOptions,
  type Listen,
  processFacts,
  startGrpc,
  startHttp,
  startResp,
} from "../front/index.ts";
import type { TlsPort } from "../host/tls/index.ts";
import type { NodeConfig } from "./node-config.ts";
import { VERSION } from "./version.ts";

/** Everything of a node that clients and operators talk to. */
export interface Fronts {
  close(): Promise<void>;
}

function grpcOptions({ grpc, logger }: NodeConfig): KvStoreOptions {
  return {
    defaultDeadlineMs: grpc?.deadlineMs,
    inflightMax: grpc?.inflightMax,
    onCall:
      grpc?.logRequests === true
        ? (call) => logger.info({ ...call, ms: Math.round(call.ms * 100) / 100 }, "grpc")
        : undefined,
  };
}

/** Opens all ports, or none: what was opened before one that fails is closed again. */
export async function openFronts(config: NodeConfig, node: NodeApi, tls?: TlsPort): Promise<Fronts> {
  const { addresses, logger } = config;
  const onError = (error: Error): void => logger.warn({ error: error.message }, "a connection could not be accepted");
  const at = (port: number): Listen => ({ host: config.listenHost, port, onError, tls });
  const connections = new Connections(node, processFacts(VERSION));
  const open: Front[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map((front) => front.close()));
  };
  try {
    open.push(await startResp(connections, { ...at(addresses.respPort), redirect: false }));
    open.push(await startResp(connections, { ...at(addresses.clusterPort), redirect: true }));
    open.push(await startGrpc(node, { ...at(addresses.grpcPort), ...grpcOptions(config) }));
    open.push(await startHttp(node, at(addresses.httpPort)));
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
