import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, SherdProcess } from "./node-process.ts";
import { freePorts } from "./ports.ts";

/** A node of a cluster file. */
export interface PlacedNode {
  readonly name: string;
  readonly host: string;
  readonly respPort: number;
  readonly clusterPort: number;
  readonly grpcPort: number;
  readonly peerPort: number;
  readonly httpPort: number;
}

/** What `sherd node --cluster` reads. It checks it itself. */
export interface PlacedCluster {
  readonly cluster: string;
  readonly shards: number;
  readonly replicas: number;
  readonly nodes: readonly PlacedNode[];
}

export interface ProcessClusterOptions {
  readonly nodes?: number;
  readonly shards?: number;
  readonly replicas?: number;
  /** Host of each node. Default: all 127.0.0.1. */
  readonly hosts?: readonly string[];
  /** Parent of the data directory of a node. Default: one in the cluster's own directory. */
  readonly data?: (name: string) => string;
  /** Further arguments of a node, at each of its starts. */
  readonly args?: (name: string) => readonly string[];
  /** What a node's process is started by; see SherdProcess. */
  readonly runner?: (name: string) => readonly string[];
}

/** Real `sherd node` processes on free ports and a temporary directory. Whoever makes it disposes of it. */
export class ProcessCluster {
  readonly directory: string;
  readonly clusterFile: string;
  file: PlacedCluster;
  readonly #options: ProcessClusterOptions;
  readonly #processes = new Map<string, SherdProcess>();

  constructor(file: PlacedCluster, options: ProcessClusterOptions = {}) {
    this.directory = mkdtempSync(join(tmpdir(), "sherd-cluster-"));
    this.clusterFile = join(this.directory, "cluster.json");
    this.#options = options;
    this.file = file;
    this.writeFile(file);
  }

  /** A new cluster on ports that are free now. */
  static async place(options: ProcessClusterOptions = {}): Promise<PlacedCluster> {
    const count = options.nodes ?? 3;
    const nodes = await placed(
      Array.from({ length: count }, (_, at) => ({
        name: `node-${at + 1}`,
        host: options.hosts?.[at] ?? "127.0.0.1",
      })),
    );
    return {
      cluster: randomBytes(20).toString("hex"),
      shards: options.shards ?? 5,
      replicas: options.replicas ?? Math.min(3, count),
      nodes,
    };
  }

  get names(): string[] {
    return this.file.nodes.map((node) => node.name);
  }

  node(name: string): PlacedNode {
    const node = this.file.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  process(name: string): SherdProcess {
    const process = this.#processes.get(name);
    if (process === undefined) throw new Error(`${name} was not started`);
    return process;
  }

  isRunning(name: string): boolean {
    return this.#processes.get(name)?.running === true;
  }

  /** Does not wait. */
  begin(name: string, ...args: string[]): SherdProcess {
    if (this.isRunning(name)) throw new Error(`${name} runs`);
    const common = ["--cluster", this.clusterFile, "--name", name, "--data", this.#parentOf(name), "--supervised"];
    // In network namespaces of the test's own, where nobody else is.
    const open = this.node(name).host.startsWith("127.") ? [] : ["--insecure"];
    const own = this.#options.args?.(name) ?? [];
    const process = new SherdProcess(["node", ...common, ...open, ...own, ...args], this.#options.runner?.(name));
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

  /** Gives every node other ports, and other hosts if asked, for its next start. */
  async moveAll(hosts?: readonly string[]): Promise<void> {
    const nodes = await placed(
      this.file.nodes.map((node, at) => ({ name: node.name, host: hosts?.[at] ?? node.host })),
    );
    this.writeFile({ ...this.file, nodes });
  }

  /** Gives one node other ports and another host for its next start. */
  async move(name: string, host: string): Promise<void> {
    const [moved] = await placed([{ name, host }]);
    const nodes = this.file.nodes.map((node) => (node.name === name ? (moved as PlacedNode) : node));
    this.writeFile({ ...this.file, nodes });
  }

  writeFile(file: PlacedCluster): void {
    this.file = file;
    // One node a line, so that people can read it.
    const nodes = file.nodes.map((node) => `    ${JSON.stringify(node)}`).join(",\n");
    const { nodes: _, ...shape } = file;
    writeFileSync(this.clusterFile, `${JSON.stringify(shape).slice(0, -1)},\n  "nodes": [\n${nodes}\n  ]\n}\n`);
  }

  dataOf(name: string): string {
    return join(this.#parentOf(name), name);
  }

  log(name: string): string {
    try {
      return readFileSync(join(this.dataOf(name), "logs", "node.log"), "utf8");
    } catch (error) {
      return `(${(error as Error).message})`;
    }
  }

  /** What a node's last process printed. */
  output(name: string): string {
    return this.#processes.get(name)?.output ?? "";
  }

  async killRunning(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.signal("SIGKILL")));
  }

  async dispose(): Promise<void> {
    await this.killRunning();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #parentOf(name: string): string {
    return this.#options.data?.(name) ?? join(this.directory, "data");
  }
}

async function placed(nodes: readonly { name: string; host: string }[]): Promise<PlacedNode[]> {
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
