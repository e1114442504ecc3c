import type { NodeAddresses } from "../core/meta/index.ts";
import type { NodeOptions } from "./node-process.ts";
import type { SettingValues } from "./settings/index.ts";
import { tlsSettings } from "./tls.ts";

const MIB = 1024 * 1024;

/** Settings as a node takes them; those that are required are there. */
export function nodeOptions(values: SettingValues, supervised: boolean): NodeOptions {
  return {
    clusterFile: values.cluster as string,
    name: values.name as string,
    data: values.data as string,
    addresses: addressesFrom(values),
    listenHost: values.listen,
    seeds: values.seeds ?? [],
    cacheBytes: values.cacheMib === undefined ? undefined : values.cacheMib * MIB,
    grpc: {
      deadlineMs: values.grpcDeadlineMs,
      inflightMax: values.maxInflight,
      logRequests: values.logRequests,
    },
    tls: tlsSettings(values),
    users: { aclFile: values.aclFile, requirePass: values.requirePass },
    insecure: values.insecure === true,
    debugCommand: values.enableDebugCommand ?? "no",
    logLevel: values.logLevel ?? "info",
    logFormat: values.logFormat,
    supervised,
  };
}

/** Only what was given: the rest is the cluster file's. */
function addressesFrom(values: SettingValues): Partial<NodeAddresses> {
  const { host, respPort, clusterPort, grpcPort, peerPort, httpPort } = values;
  return {
    ...(host !== undefined && { host }),
    ...(respPort !== undefined && { respPort }),
    ...(clusterPort !== undefined && { clusterPort }),
    ...(grpcPort !== undefined && { grpcPort }),
    ...(peerPort !== undefined && { peerPort }),
    ...(httpPort !== undefined && { httpPort }),
  };
}
