import { join } from "node:path";
import { ROW_CACHE_BYTES_DEFAULT, SEEDS_MAX, SherdError } from "../core/base/index.ts";
import type { NodeAddresses } from "../core/meta/index.ts";
import type { NodeStatus } from "../core/node/index.ts";
import type { DebugCommand } from "../core/session/index.ts";
import { addressesOf, type ClusterFile, checkHost, nodeOfFile, PORT_NAMES, readClusterFile } from "./cluster-file.ts";
import { type DataDirectory, openDataDirectory } from "./data-directory.ts";
import { dataPaths } from "./identity.ts";
import { CLOSE_MS_MAX, HAND_OVER_MS_MAX, HEARTBEAT_MS } from "./limits.ts";
import type { GrpcSettings, NodeConfig, RunningNode, StartNode } from "./node-config.ts";
import { type LogFormat, type LogLevel, type NodeLog, openNodeLog, say } from "./node-log.ts";
import { socketText } from "./ports.ts";
import { onStopSignals } from "./stop-signals.ts";
import { EXIT_CLEAN, EXIT_FAILED, EXIT_REFUSED } from "./supervision.ts";
import type { TlsSettings } from "./tls.ts";
import { type UserSettings, usersOfSettings } from "./users.ts";
import { within } from "./within.ts";

/** The command line of one node, parsed. */
export interface NodeOptions {
  readonly clusterFile: string;
  readonly name: string;
  /** Parent of the node's directory. */
  readonly data: string;
  /** What replaces the node's own addresses in the file. */
  readonly addresses: Partial<NodeAddresses>;
  /** Where to listen, if not on the host that others use. */
  readonly listenHost: string | undefined;
  readonly seeds: readonly string[];
  readonly cacheBytes: number | undefined;
  readonly grpc?: GrpcSettings;
  readonly tls?: TlsSettings;
  readonly users?: UserSettings;
  readonly insecure?: boolean;
  readonly debugCommand?: DebugCommand;
  readonly logLevel: LogLevel;
  /** Of what appears on stderr. */
  readonly logFormat?: LogFormat | undefined;
  /** Of what it was told, for its log. */
  readonly warnings?: readonly string[];
  /** Started by the launcher: says how it is over IPC, stops when the launcher is gone, leaves Ctrl-C to it. */
  readonly supervised: boolean;
}

/** What the node says to the launcher. */
export type NodeMessage =
  | { readonly kind: "heartbeat" | "listening" | "ready" }
  | { readonly kind: "status"; readonly id: number; readonly status: NodeStatus };
/**
 * What the launcher says to the node. When all nodes stop, handing leaderships over would only pass them round: then
 * `handOver` is not set.
 */
export type LauncherMessage =
  | { readonly kind: "stop"; readonly handOver?: boolean }
  | { readonly kind: "status"; readonly id: number };

/** The parts of `process` that a node lives by; replaced in tests. */
export interface HostProcess {
  /** What comes with an event depends on the event. */
  on(event: string, listener: (argument: unknown) => void): unknown;
  /** False: there was a launcher, and it is gone already. */
  readonly connected?: boolean | undefined;
  readonly send?: ((message: NodeMessage, callback: (error: Error | null) => void) => unknown) | undefined;
  /** Told why, before `exit`, and nothing is written to stderr. Undefined: it is. */
  readonly failed?: (error: unknown) => void;
  exit(code: number): never;
}

/** Runs one node until it is told to stop, and ends the process with the exit codes of `supervision.ts`. */
export async function runNode(
  options: NodeOptions,
  startNode: StartNode,
  host: HostProcess = process as HostProcess,
): Promise<void> {
  try {
    await run(options, startNode, host);
  } catch (error) {
    // There is no log yet: a directory that is refused is not written to.
    if (host.failed !== undefined) host.failed(error);
    else
      say(
        `${options.name}: ${error instanceof SherdError ? error.message : ((error as Error).stack ?? String(error))}`,
      );
    host.exit(exitCodeOf(error));
  }
}

async function run(options: NodeOptions, startNode: StartNode, host: HostProcess): Promise<void> {
  const startedAtMs = Date.now();
  checkNodeOptions(options);
  const users = usersOfSettings(options.users ?? {});
  const file = readClusterFile(options.clusterFile);
  const addresses = { ...addressesOf(nodeOfFile(file, options.name, options.clusterFile)), ...options.addresses };
  const directory = await openDataDirectory(join(options.data, options.name), file, options.name);
  const log = openNodeLog({
    directory: dataPaths(directory.path).logs,
    name: options.name,
    id: directory.identity.node,
    level: options.logLevel,
    format: options.logFormat ?? "text",
    echo: !options.supervised,
    quiet: host.failed !== undefined,
  });
  const lifecycle = new NodeLifecycle(options, log, directory, host);
  lifecycle.listen();
  directory.writeRunFile(addresses, startedAtMs);
  const { identity } = directory;
  log.process.info({ boot: identity.bootCounter, addresses, pid: process.pid }, "starting");
  for (const warning of options.warnings ?? []) log.process.warn(warning);
  const config: NodeConfig = {
    name: options.name,
    nodeId: identity.node,
    clusterId: identity.plan.clusterId,
    directoryId: identity.directory,
    bootCounter: identity.bootCounter,
    dataDirectory: directory.path,
    addresses,
    listenHost: options.listenHost ?? addresses.host,
    plan: identity.plan,
    seeds: seedsOf(file, options),
    logger: log.logger,
    cacheBytes: options.cacheBytes ?? ROW_CACHE_BYTES_DEFAULT,
    ...(options.grpc !== undefined && { grpc: options.grpc }),
    ...(options.tls !== undefined && { tls: options.tls }),
    ...(users !== undefined && { users }),
    insecure: options.insecure === true,
    ...(options.debugCommand !== undefined && { debugCommand: options.debugCommand }),
    fatal: lifecycle.fatal,
  };
  try {
    const node = await startNode(config);
    lifecycle.listens(node);
    lifecycle.inform(`${options.name} listens: ${describe(addresses)}`);
    await node.ready;
  } catch (error) {
    return lifecycle.fatal(error);
  }
  lifecycle.ready(Date.now() - startedAtMs);
}

/** Refusals are told from failures that may pass: a port or a lock that is not free yet, a disk that is full for now. */
function exitCodeOf(error: unknown): number {
  if (!(error instanceof SherdError)) return EXIT_FAILED;
  const mayPass = ["SHERD_ADDRESS_IN_USE", "SHERD_DATA_IN_USE", "SHERD_DISK_FULL", "SHERD_DISK_HANGS"];
  return mayPass.includes(error.code) ? EXIT_FAILED : EXIT_REFUSED;
}

/** What the command line may say of hosts; the same rules as in the file. Throws SHERD_CONFIG_INVALID, naming the option. */
export function checkNodeOptions(options: NodeOptions): void {
  if (options.addresses.host !== undefined) checkHost(options.addresses.host, "--host", "reach");
  if (options.listenHost !== undefined) checkHost(options.listenHost, "--listen", "listen");
  const { seeds } = options;
  if (seeds.length > SEEDS_MAX) {
    throw new SherdError("SHERD_CONFIG_INVALID", `--seeds: ${seeds.length} are given, ${SEEDS_MAX} are allowed.`);
  }
  for (const seed of seeds) {
    // Without the port, and without the brackets of an IPv6 address.
    checkHost(seed.replace(/:\d*$/, "").replace(/^\[|\]$/g, ""), "--seeds", "reach");
  }
}

/** Those of the file come after those that were given, as many as there is room for: nodes tell each other the rest. */
function seedsOf(file: ClusterFile, options: NodeOptions): string[] {
  const others = file.nodes.filter((node) => node.name !== options.name);
  const all = new Set([...options.seeds, ...others.map((node) => socketText(node.host, node.peerPort))]);
  return [...all].slice(0, SEEDS_MAX);
}

function describe(addresses: NodeAddresses): string {
  return PORT_NAMES.map((which) => `${which.replace("Port", "")} ${socketText(addresses.host, addresses[which])}`).join(
    ", ",
  );
}

/** Stopping, crashing and reporting of one node process. */
class NodeLifecycle {
  readonly #options: NodeOptions;
  readonly #log: NodeLog;
  readonly #directory: DataDirectory;
  readonly #host: HostProcess;
  #node: RunningNode | undefined;
  #stopping = false;

  constructor(options: NodeOptions, log: NodeLog, directory: DataDirectory, host: HostProcess) {
    this.#options = options;
    this.#log = log;
    this.#directory = directory;
    this.#host = host;
  }

  /** The process must not take one more step: whatever is broken could acknowledge what is not safe. */
  readonly fatal = (error: unknown): never => {
    this.#log.lastWords("stopped by an error", error);
    this.#host.failed?.(error);
    return this.#host.exit(exitCodeOf(error));
  };

  listen(): void {
    this.#host.on("uncaughtException", this.fatal);
    this.#host.on("unhandledRejection", this.fatal);
    const stopNow = (signal: NodeJS.Signals): void => {
      this.#log.lastWords(`ended at once by a second ${signal}`, "not closed; the next start recovers");
      this.#host.exit(EXIT_FAILED);
    };
    const source = {
      on: (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) =>
        this.#host.on(signal, () => listener(signal)),
    };
    const stop = (signal: NodeJS.Signals): void => this.stop(signal, true);
    const reloads = this.#options.tls?.clients !== undefined || this.#options.tls?.peers !== undefined;
    if (reloads) this.#host.on("SIGHUP", () => this.#reload());
    if (!this.#options.supervised) {
      onStopSignals(source, reloads ? ["SIGTERM", "SIGINT"] : ["SIGTERM", "SIGINT", "SIGHUP"], stop, stopNow);
      return;
    }
    onStopSignals(source, ["SIGTERM"], stop, stopNow);
    // A terminal sends Ctrl-C, and its own end, to every process of its group; the launcher decides what follows.
    for (const signal of reloads ? ["SIGINT"] : ["SIGINT", "SIGHUP"]) {
      this.#host.on(signal, () => this.#log.process.debug(`${signal} is left to the launcher`));
    }
    this.#host.on("message", (message) => {
      const order = message as LauncherMessage;
      if (order.kind === "stop") this.stop("the launcher's order", order.handOver === true);
      else if (this.#node !== undefined) this.#tell({ ...order, status: this.#node.status() });
    });
    this.#host.on("disconnect", () => this.stop("the end of the launcher", false));
    if (this.#host.connected === false) this.stop("the end of the launcher", false);
    setInterval(() => this.#tell({ kind: "heartbeat" }), HEARTBEAT_MS);
  }

  listens(node: RunningNode): void {
    this.#node = node;
    this.#tell({ kind: "listening" });
  }

  ready(tookMs: number): void {
    this.inform(`${this.#options.name} is ready after ${tookMs} ms`);
    this.#tell({ kind: "ready" });
  }

  inform(text: string): void {
    this.#log.process.info(text);
    if (!this.#options.supervised) say(text);
  }

  stop(why: string, handOver: boolean): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.inform(`${this.#options.name} stops because of ${why}`);
    // Before the node runs it has promised nothing: ending here is the crash that recovery is made for.
    if (this.#node === undefined) return this.#host.exit(EXIT_CLEAN);
    void this.#close(this.#node, handOver).catch(this.fatal);
  }

  /** While the node starts there is nothing to replace yet. */
  #reload(): void {
    this.#log.process.info("SIGHUP: reading the certificates again");
    void this.#node?.reloadCertificates().catch(this.fatal);
  }

  async #close(node: RunningNode, handOver: boolean): Promise<void> {
    if (handOver && (await within(HAND_OVER_MS_MAX, node.handOver())) === "late") {
      this.#log.process.warn(`leaderships were not all handed over within ${HAND_OVER_MS_MAX} ms`);
    }
    if ((await within(CLOSE_MS_MAX, node.close())) === "late") {
      throw new SherdError("SHERD_DISK_HANGS", `Closing did not end within ${CLOSE_MS_MAX} ms.`);
    }
    this.inform(`${this.#options.name} has stopped`);
    await this.#log.close();
    await this.#directory.release();
    this.#host.exit(EXIT_CLEAN);
  }

  #tell(message: NodeMessage): void {
    // An error means that the launcher is gone: `disconnect` says so too, and is what is acted on.
    this.#host.send?.(message, () => {});
  }
}
