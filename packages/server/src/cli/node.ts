import { type Command, Option } from "commander";
import { SherdError } from "../core/base/index.ts";
import type { NodeAddresses } from "../core/meta/index.ts";
import type { NodeOptions } from "../daemon/index.ts";
import { requireSettings, type SettingValues, settingNames } from "../daemon/settings/index.ts";
import { tlsSettings } from "../daemon/tls.ts";
import { addSettingFlags, type SettingFlags, settingsOf } from "./settings.ts";

interface NodeCommandOptions extends SettingFlags {
  readonly supervised?: boolean;
}

const MIB = 1024 * 1024;

export function register(program: Command): void {
  const node = program
    .command("node")
    .description("run one node of a cluster in the foreground (exit code 3: refused, starting again changes nothing)");
  addSettingFlags(node, settingNames("node"), "node")
    .addOption(new Option("--supervised").hideHelp())
    .action(async (options: NodeCommandOptions) => {
      const { EXIT_REFUSED, runNode } = await import("../daemon/index.ts");
      try {
        const resolved = settingsOf("node", options);
        requireSettings(resolved);
        const { startNode } = await import("../daemon/compose.ts");
        await runNode(nodeOptions(resolved.values, options.supervised === true), startNode);
      } catch (error) {
        if (!(error instanceof SherdError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = EXIT_REFUSED;
      }
    });
}

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
    logLevel: values.logLevel ?? "info",
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
