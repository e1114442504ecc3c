import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterConnections } from "@sherd/client";
import { onTestFinished } from "vitest";
import {
  type ClusterFile,
  type ClusterFileNode,
  checkClusterFile,
  formatClusterFile,
} from "../../packages/server/src/daemon/index.ts";
import { askCluster, type ClusterStatus } from "../../packages/server/src/daemon/status.ts";
import { Forwarders } from "./forwarders.ts";
import { type Ended, SherdProcess } from "./node-process.ts";
import { freePorts } from "./ports.ts";

const LOG_TAIL_CHARACTERS = 6_000;

export interface TestClusterOptions {
  readonly nodes?: number;
  readonly shards?: number;
  readonly replicas?: number;
  /** Host of each node; loopback addresses. Default: all 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** Instead of a new temporary directory. */
  readonly data?: string;
}

/**
 * Real `sherd node` processes on free ports and a temporary directory. Made inside a test; at its end every process is
 * gone and the directory removed, and when it failed, the ends of the nodes' logs are printed.
 */
export class TestCluster {
  readonly directory: string;
  readonly data: string;
  readonly clusterFile: string;
  file: ClusterFile;
  readonly #processes = new Map<string, SherdProcess>();

  private constructor(directory: string, data: string, file: ClusterFile) {
    this.directory = directory;
    this.data = data;
    this.clusterFile = join(directory, "cluster.json");
    this.file = file;
    this.writeFile(file);
  }

  static async create(options: TestClusterOptions = {}): Promise<TestCluster> {
    const count = options.nodes ?? 3;
    const nodes = await placedNodes(
      Array.from({ length: count }, (_, at) => ({
        name: `node-${at + 1}`,
        host: options.hosts?.[at] ?? "127.0.0.1",
      })),
    );
    const shape = {
      cluster: randomBytes(20).toString("hex"),
      shards: options.shards ?? 5,
      replicas: options.replicas ?? Math.min(3, count),
    };
    const directory = mkdtempSync(join(tmpdir(), "sherd-e2e-"));
    const file = checkClusterFile({ ...shape, nodes }, "the test's cluster");
    const cluster = new TestCluster(directory, options.data ?? join(directory, "data"), file);
    onTestFinished(async ({ task }) => {
      if (task.result?.state === "fail") cluster.printLogs();
      await cluster.dispose();
    });
    return cluster;
  }

  /** As `create`, started and ready. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const cluster = await TestCluster.create(options);
    await cluster.startAll();
    return cluster;
  }

  get names(): string[] {
    return this.file.nodes.map((node) => node.name);
  }

  node(name: string): ClusterFileNode {
    const node = this.file.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  process(name: string): SherdProcess {
    const process = this.#processes.get(name);
    if (process === undefined) throw new Error(`${name} was not started`);
    return process;
  }

  /** Does not wait. */
  begin(name: string, ...args: string[]): SherdProcess {
    if (this.#processes.get(name)?.running === true) throw new Error(`${name} runs`);
    const common = ["--cluster", this.clusterFile, "--name", name, "--data", this.data, "--supervised"];
    const process = new SherdProcess(["node", ...common, ...args]);
    this.#processes.set(name, process);
    return process;
  }

  /** Resolves when the node is ready. */
  async start(name: string, ...args: string[]): Promise<void> {
    await this.begin(name, ...args).ready;
  }

  async startAll(): Promise<void> {
    const begun = this.names.map((name) => this.begin(name));
    await Promise.all(begun.map((process) => process.ready));
  }

  /** kill -9 */
  kill(name: string): Promise<Ended> {
    return this.process(name).signal("SIGKILL");
  }

  async killAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.kill(name)));
  }

  terminate(name: string): Promise<Ended> {
    return this.process(name).signal("SIGTERM");
  }

  /** Gives every node other ports, and other loopback addresses if asked, for its next start. */
  async moveAll(hosts?: readonly string[]): Promise<void> {
    const nodes = await placedNodes(
      this.file.nodes.map((node, at) => ({ name: node.name, host: hosts?.[at] ?? node.host })),
    );
    this.writeFile({ ...this.file, nodes });
  }

  writeFile(file: ClusterFile): void {
    this.file = file;
    writeFileSync(this.clusterFile, formatClusterFile(file));
  }

  /** As `sherd status` sees it, asked at a node that runs. */
  status(): Promise<ClusterStatus> {
    const name = this.names.find((candidate) => this.#processes.get(candidate)?.running === true);
    if (name === undefined) throw new Error("no node runs");
    const node = this.node(name);
    return askCluster(node.host, node.httpPort);
  }

  /** Names of the nodes that lead a shard (not the meta group), by shard. */
  async leaders(): Promise<Map<number, string>> {
    const { groups } = await this.status();
    const leaders = new Map<number, string>();
    for (const group of groups) {
      if (group.slots.length > 0 && group.leader !== undefined) leaders.set(group.group, group.leader);
    }
    return leaders;
  }

  /** Clients that follow redirections, closed at the end of the test. */
  connect(): ClusterConnections {
    const seeds = this.file.nodes.map((node) => ({ host: node.host, port: node.clusterPort }));
    const connections = new ClusterConnections({ seeds });
    onTestFinished(() => connections.destroy());
    return connections;
  }

  /** Clients of the forwarding ports, closed at the end of the test. */
  forwarders(): Forwarders {
    const forwarders = new Forwarders(() => this.file.nodes);
    onTestFinished(() => forwarders.destroy());
    return forwarders;
  }

  dataOf(name: string): string {
    return join(this.data, name);
  }

  log(name: string): string {
    try {
      return readFileSync(join(this.dataOf(name), "logs", "node.log"), "utf8");
    } catch (error) {
      return `(${(error as Error).message})`;
    }
  }

  printLogs(): void {
    for (const name of this.names) {
      const output = this.#processes.get(name)?.output ?? "";
      console.error(`--- ${name}\n${output}${this.log(name).slice(-LOG_TAIL_CHARACTERS)}`);
    }
  }

  async dispose(): Promise<void> {
    for (const process of this.#processes.values()) await process.signal("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}

async function placedNodes(nodes: readonly { name: string; host: string }[]): Promise<ClusterFileNode[]> {
  const ports = await freePorts(nodes.length * 5);
  const next = (): number => ports.pop() as number;
  return nodes.map((node) => ({
    ...node,
    respPort: next(),
    clusterPort: next(),
    grpcPort: next(),
    peerPort: next(),
    httpPort: next(),
  }));
}
