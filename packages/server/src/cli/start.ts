import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { NODES_MAX, REPLICAS_PER_GROUP_MAX, SLOT_COUNT } from "../core/base/index.ts";
import type { ClusterFile, LocalCluster, PortName } from "../daemon/index.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import { addGrpcPortOptions, type GrpcPortOptions, grpcPortArguments, integerIn, parsePort } from "./options.ts";

interface StartOptions extends Partial<Record<PortName, number>>, GrpcPortOptions {
  readonly nodes?: number;
  readonly shards?: number;
  readonly replicas?: number;
  readonly data: string;
  readonly host?: string;
}

/** No defaults where a second start keeps what the first one chose. */
export function register(program: Command): void {
  const command = program
    .command("start")
    .description("start a cluster on this machine and keep its nodes running, until Ctrl-C")
    .option("--nodes <number>", "processes (default: 3)", integerIn(1, NODES_MAX))
    .option("--shards <number>", "shards (default: 5)", integerIn(1, SLOT_COUNT))
    .option(
      "--replicas <number>",
      "replicas of each shard (default: 3, or all nodes)",
      integerIn(1, REPLICAS_PER_GROUP_MAX),
    )
    .option("--data <directory>", "where the data is, or will be", "./data")
    .option("--host <name>", "where to listen (default: 127.0.0.1)")
    .option("--resp-port <number>", "RESP, forwards (default: 6379; node i adds i, here and below)", parsePort)
    .option("--cluster-port <number>", "RESP, redirects as Redis Cluster does (default: 7379)", parsePort)
    .option("--grpc-port <number>", "gRPC (default: 7000)", parsePort)
    .option("--peer-port <number>", "between nodes (default: 7100)", parsePort)
    .option("--http-port <number>", "health, status and metrics (default: 7080)", parsePort);
  addGrpcPortOptions(command).action((options: StartOptions) => runSubcommand(() => start(options)));
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function start(options: StartOptions): Promise<ExitCode> {
  const startedMs = performance.now();
  const { openLocalCluster, checkPortsFree, Launcher, onStopSignals } = await import("../daemon/index.ts");
  const { data, nodes, shards, replicas, host } = options;
  const cluster = await openLocalCluster({ data, nodes, shards, replicas, host, ports: options });
  try {
    await checkPortsFree(cluster.file);
    await cluster.save();
    print(describeBeginning(cluster, data));
    const launcher = new Launcher({
      file: cluster.file,
      clusterFile: cluster.path,
      data,
      nodeCommand: [
        process.execPath,
        fileURLToPath(new URL("../../bin/sherd.cjs", import.meta.url)),
        "node",
        ...grpcPortArguments(options),
      ],
      say: print,
    });
    let asked = false;
    onStopSignals(
      process,
      ["SIGINT", "SIGTERM", "SIGHUP"],
      () => {
        asked = true;
        print("Stopping ...");
        void launcher.stop();
      },
      () => launcher.kill(),
    );
    launcher.start();
    void launcher.settled.then(() => {
      if (!asked) {
        const self = selfCommand(process.argv[1] ?? "sherd", process.cwd());
        print(describeReady(cluster.file, new Set(launcher.serving), performance.now() - startedMs, self));
      }
    });
    await launcher.ended;
    print(asked ? "Stopped." : "No node runs any more.");
    return asked ? EXIT.ok : EXIT.error;
  } finally {
    await cluster.release();
  }
}

function describeBeginning({ created, file }: LocalCluster, data: string): string {
  const shape = `${count(file.nodes.length, "node")}, ${count(file.shards, "shard")}, ${count(file.replicas, "replica")} of each`;
  const risk = file.replicas < 3 ? ` With ${count(file.replicas, "replica")} no node may fail.` : "";
  return `Starting ${created ? "a new cluster" : "the cluster"} in ${data}: ${shape}.${risk}`;
}

/** How this program was called, so that what is printed can be pasted: from a checkout, by npx, or installed. */
export function selfCommand(program: string, workingDirectory: string): string {
  if (existsSync(join(workingDirectory, "node_modules", ".bin", "sherd"))) return "npx sherd";
  if (!/\.c?js$/.test(program)) return "sherd";
  const path = relative(workingDirectory, program);
  return `node ${path.startsWith("..") ? program : path}`;
}

export function describeReady(file: ClusterFile, serving: ReadonlySet<string>, tookMs: number, self: string): string {
  const nodes = file.nodes.filter((node) => serving.has(node.name));
  const first = nodes[0];
  if (first === undefined) return "No node serves.";
  const missing = file.nodes.length - nodes.length;
  return [
    missing === 0
      ? `Ready after ${(tookMs / 1000).toFixed(1)} s.`
      : `${count(nodes.length, "node")} of ${file.nodes.length} serve.`,
    ...nodes.map(
      (node) =>
        `  ${node.name}  RESP ${node.host}:${node.respPort}  cluster ${node.host}:${node.clusterPort}  gRPC ${node.host}:${node.grpcPort}  HTTP http://${node.host}:${node.httpPort}`,
    ),
    "Try:",
    `  redis-cli -h ${first.host} -p ${first.respPort} set greeting hello`,
    `  ${self} get greeting --host ${first.host} --port ${first.respPort}`,
    `  ${self} status --host ${first.host} --http-port ${first.httpPort}`,
    "Ctrl-C stops it; the data stays.",
  ].join("\n");
}

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;
