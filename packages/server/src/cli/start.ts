import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { ClusterFile, LocalCluster } from "../daemon/index.ts";
import { handedOn, type Resolved, settingNames } from "../daemon/settings/index.ts";
import { type TlsSettings, tlsSettings } from "../daemon/tls.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import { addSettingFlags, printWarnings, type SettingFlags, settingsOf } from "./settings.ts";

export function register(program: Command): void {
  const command = program
    .command("start")
    .description("start a cluster on this machine and keep its nodes running, until Ctrl-C");
  addSettingFlags(command, settingNames("start"), "start").action((options: SettingFlags) =>
    runSubcommand(() => start(settingsOf("start", options))),
  );
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function start(resolved: Resolved): Promise<ExitCode> {
  printWarnings(resolved);
  const startedMs = performance.now();
  const { openLocalCluster, checkPortsFree, Launcher, onStopSignals } = await import("../daemon/index.ts");
  const { nodes, shards, replicas, host } = resolved.values;
  const data = resolved.values.data as string;
  const { clients } = tlsSettings(resolved.values);
  const cluster = await openLocalCluster({ data, nodes, shards, replicas, host, ports: resolved.values });
  try {
    await checkPortsFree(cluster.file);
    await cluster.save();
    print(describeBeginning(cluster, data));
    const launcher = new Launcher({
      file: cluster.file,
      clusterFile: cluster.path,
      data,
      nodeCommand: [process.execPath, fileURLToPath(new URL("../../bin/sherd.cjs", import.meta.url)), "node"],
      environment: handedOn(resolved, process.env),
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
        print(describeReady(cluster.file, new Set(launcher.serving), performance.now() - startedMs, self, clients));
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

export function describeReady(
  file: ClusterFile,
  serving: ReadonlySet<string>,
  tookMs: number,
  self: string,
  tls?: TlsSettings["clients"],
): string {
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
        `  ${node.name}  RESP ${node.host}:${node.respPort}  cluster ${node.host}:${node.clusterPort}  gRPC ${node.host}:${node.grpcPort}  HTTP ${tls === undefined ? "http" : "https"}://${node.host}:${node.httpPort}`,
    ),
    "Try:",
    `  redis-cli -h ${first.host} -p ${first.respPort}${tlsFlags(tls, "--cacert")} set greeting hello`,
    `  ${self} get greeting --host ${first.host} --port ${first.respPort}${tlsFlags(tls, "--ca")}`,
    `  ${self} status --host ${first.host} --http-port ${first.httpPort}${tlsFlags(tls, "--ca")}`,
    "Ctrl-C stops it; the data stays.",
  ].join("\n");
}

/** Whose certificate a client shows, only its owner knows. */
function tlsFlags(tls: TlsSettings["clients"], caFlag: string): string {
  if (tls === undefined) return "";
  const ca = tls.files.ca === undefined ? "" : ` ${caFlag} ${tls.files.ca}`;
  return ` --tls${ca}${tls.clientAuth === "require" ? " --cert CERT --key KEY" : ""}`;
}

const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? "" : "s"}`;
