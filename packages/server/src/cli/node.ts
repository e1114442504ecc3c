import { type Command, Option } from "commander";
import type { NodeAddresses } from "../core/meta/index.ts";
import { addGrpcPortOptions, type GrpcPortOptions, integerIn, parsePort } from "./options.ts";

interface NodeCommandOptions extends Partial<NodeAddresses>, GrpcPortOptions {
  readonly cluster: string;
  readonly name: string;
  readonly data: string;
  readonly listen?: string;
  readonly seeds?: readonly string[];
  readonly cacheMib?: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly supervised?: boolean;
}

const MIB = 1024 * 1024;

export function register(program: Command): void {
  const node = program
    .command("node")
    .description("run one node of a cluster in the foreground (exit code 3: refused, starting again changes nothing)")
    .requiredOption("--cluster <file>", "the cluster file (see `sherd plan`)")
    .requiredOption("--name <name>", "which node of the file this is")
    .option("--data <directory>", "parent of the node's data directory", "./data")
    .option("--host <name>", "where others reach this node, if not as the file says")
    .option("--listen <host>", "where to listen, if not there (in a container: 0.0.0.0)")
    .option("--resp-port <number>", "RESP port that forwards", parsePort)
    .option("--cluster-port <number>", "RESP port that redirects, as Redis Cluster does", parsePort)
    .option("--grpc-port <number>", "gRPC port", parsePort)
    .option("--peer-port <number>", "port for other nodes", parsePort)
    .option("--http-port <number>", "port for health, status and metrics", parsePort)
    .option("--seeds <host:port,...>", "peer addresses of other nodes, besides those of the file", parseSeeds)
    .option("--cache-mib <number>", "size of the row cache", integerIn(1, 65_536));
  addGrpcPortOptions(node)
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"))
    .addOption(new Option("--supervised").hideHelp())
    .action(async (options: NodeCommandOptions) => {
      const { runNode } = await import("../daemon/index.ts");
      const { startNode } = await import("../daemon/compose.ts");
      await runNode(
        {
          clusterFile: options.cluster,
          name: options.name,
          data: options.data,
          addresses: addressesFrom(options),
          listenHost: options.listen,
          seeds: options.seeds ?? [],
          cacheBytes: options.cacheMib === undefined ? undefined : options.cacheMib * MIB,
          grpc: {
            deadlineMs: options.grpcDeadlineMs,
            inflightMax: options.maxInflight,
            logRequests: options.logRequests,
          },
          logLevel: options.logLevel,
          supervised: options.supervised === true,
        },
        startNode,
      );
    });
}

/** Only what was given: the rest is the file's. */
function addressesFrom(options: NodeCommandOptions): Partial<NodeAddresses> {
  const { host, respPort, clusterPort, grpcPort, peerPort, httpPort } = options;
  return {
    ...(host !== undefined && { host }),
    ...(respPort !== undefined && { respPort }),
    ...(clusterPort !== undefined && { clusterPort }),
    ...(grpcPort !== undefined && { grpcPort }),
    ...(peerPort !== undefined && { peerPort }),
    ...(httpPort !== undefined && { httpPort }),
  };
}

const parseSeeds = (text: string): string[] => text.split(",").map((seed) => parseSocket(seed.trim()));

/** `host:port` or `[address]:port`; the port must be there, because seeds are peers on any port. */
function parseSocket(text: string): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
  parsePort(match?.[2] ?? "");
  return text;
}
