import { join } from "node:path";
import type { SecureContextOptions } from "node:tls";
import { ClusterConnections } from "@sherd/client";
import { onTestFinished } from "vitest";
import {
  type PlacedCluster,
  ProcessCluster,
  type ProcessClusterOptions,
} from "../../packages/chaos/src/cluster/index.ts";
import { checkClusterFile } from "../../packages/server/src/daemon/index.ts";
import { askCluster, type ClusterStatus } from "../../packages/server/src/daemon/status.ts";
import { Forwarders } from "./forwarders.ts";

const LOG_TAIL_CHARACTERS = 6_000;

export interface TestClusterOptions extends Omit<ProcessClusterOptions, "data" | "runner"> {
  /** Parent of the data directories, instead of a new temporary directory. */
  readonly data?: string;
  /** How this process speaks TLS with the nodes, whose `args` make them do so. */
  readonly tls?: SecureContextOptions;
}

/**
 * A cluster of real processes made inside a test: at its end every process is gone and the directory removed, and when
 * it failed, the ends of the nodes' logs are printed.
 */
export class TestCluster extends ProcessCluster {
  readonly data: string;
  readonly #tls: SecureContextOptions | undefined;

  private constructor(file: PlacedCluster, options: TestClusterOptions) {
    super(file, { data: () => this.data, ...(options.args !== undefined && { args: options.args }) });
    this.#tls = options.tls;
    this.data = options.data ?? join(this.directory, "data");
  }

  static async create(options: TestClusterOptions = {}): Promise<TestCluster> {
    const { data: _, ...places } = options;
    const file = checkClusterFile(await ProcessCluster.place(places), "the test's cluster");
    const cluster = new TestCluster(file, options);
    onTestFinished(async ({ task }) => {
      if (task.result?.state === "fail") cluster.printLogs();
      await cluster.dispose();
    });
    return cluster;
  }

  /** For several tests: whoever asks disposes of it. */
  static async shared(options: TestClusterOptions = {}): Promise<TestCluster> {
    const { data: _, ...places } = options;
    const cluster = new TestCluster(
      checkClusterFile(await ProcessCluster.place(places), "the tests' cluster"),
      options,
    );
    await cluster.startAll();
    return cluster;
  }

  /** As `create`, started and ready. */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const cluster = await TestCluster.create(options);
    await cluster.startAll();
    return cluster;
  }

  /** As `sherd status` sees it, asked at a node that runs. */
  status(): Promise<ClusterStatus> {
    const name = this.names.find((candidate) => this.isRunning(candidate));
    if (name === undefined) throw new Error("no node runs");
    const node = this.node(name);
    return askCluster(node.host, node.httpPort, { tls: this.#tls });
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
    const connections = new ClusterConnections({ seeds, connection: { tls: this.#tls } });
    onTestFinished(() => connections.destroy());
    return connections;
  }

  /** Clients of the forwarding ports, closed at the end of the test. */
  forwarders(): Forwarders {
    const forwarders = new Forwarders(() => this.file.nodes, this.#tls);
    onTestFinished(() => forwarders.destroy());
    return forwarders;
  }

  printLogs(): void {
    for (const name of this.names) {
      console.error(`--- ${name}\n${this.output(name)}${this.log(name).slice(-LOG_TAIL_CHARACTERS)}`);
    }
  }
}
