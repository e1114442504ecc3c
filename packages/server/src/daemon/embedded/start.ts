import { Worker } from "node:worker_threads";
import { type ErrorCode, errorCatalogue, SherdError } from "../../core/base/index.ts";
import type { NodeStatus } from "../../core/node/index.ts";
import { type ClusterFile, nodeOfFile, readClusterFile } from "../cluster-file.ts";
import { type LocalCluster, openLocalCluster } from "../local-cluster.ts";
import { nodeOptions } from "../node-options.ts";
import { checkSettings, type SettingValues } from "../settings/index.ts";
import type { Failure, FromWorker, ToWorker, WorkerData } from "./messages.ts";

/**
 * The settings of `sherd node` (docs/configuration.md), by the names that they have in a file. The environment and files
 * are not looked at. `data` is needed; without `cluster`, the node is a cluster of its own, made at its first start.
 */
export interface EmbeddedOptions extends SettingValues {
  /** Of the cluster that is made, when there is no `cluster`. */
  readonly shards?: number;
  /**
   * The node ended by itself: its disk failed, another node refused it, or it met a defect. What it acknowledged is on
   * the disk; a new start recovers it. Without this, `ended` rejects, and a program that does not look at it ends.
   */
  readonly onFatal?: (error: Error) => void;
}

/** A node that runs in this program. */
export interface EmbeddedNode {
  readonly name: string;
  readonly host: string;
  /** Any Redis client; `clusterPort` redirects as Redis Cluster does. */
  readonly respPort: number;
  readonly clusterPort: number;
  readonly grpcPort: number;
  /** Health, status and metrics. */
  readonly httpPort: number;
  /** Every shard has a leader. Rejects when the node ends before that. */
  readonly ready: Promise<void>;
  /** Resolves after `close`; rejects when the node ended by itself. */
  readonly ended: Promise<void>;
  /** What `/status` shows of the node. Rejects when the node has ended. */
  status(): Promise<NodeStatus>;
  /**
   * Gives leaderships away (for at most 3 s), closes and resolves when nothing is left of the node. Rejects with the
   * error if it failed instead.
   */
  close(): Promise<void>;
}

/**
 * Starts a node in a thread of this program; resolves when its ports are open. Rejects with a `SherdError`
 * (`SHERD_CONFIG_INVALID`, `SHERD_ADDRESS_IN_USE`, `SHERD_DATA_IN_USE`, `SHERD_STORE_DAMAGED`, ...), and then nothing is
 * left of it.
 */
export async function startNode(options: EmbeddedOptions): Promise<EmbeddedNode> {
  if (typeof options !== "object" || options === null) {
    throw new SherdError("SHERD_CONFIG_INVALID", 'startNode wants its options, such as { data: "./data" }.');
  }
  const { onFatal, ...given } = options;
  const settings = checkSettings(given);
  if (settings.data === undefined) {
    throw new SherdError("SHERD_CONFIG_INVALID", "data is not set: the directory in which the node keeps everything.");
  }
  if (settings.cluster !== undefined) {
    if (settings.name === undefined) {
      throw new SherdError("SHERD_CONFIG_INVALID", "name is not set: which node of the cluster file this is.");
    }
    return ThreadNode.start({ ...settings, name: settings.name }, readClusterFile(settings.cluster), onFatal);
  }
  // Whatever the settings forbid together is found before anything is opened; from then on the node holds the lock.
  nodeOptions(settings, true);
  const alone = await openAlone(settings, settings.data);
  const named = { ...settings, cluster: alone.path, name: alone.file.nodes[0]?.name ?? "" };
  return ThreadNode.start(named, alone.file, onFatal, alone);
}

async function openAlone(settings: SettingValues, data: string): Promise<LocalCluster> {
  const { host, shards } = settings;
  const cluster = await openLocalCluster({ data, nodes: 1, shards, host, ports: settings });
  try {
    await cluster.save();
  } catch (error) {
    await cluster.release();
    throw error;
  }
  return cluster;
}

function errorOf({ code, text, stack }: Failure): Error {
  if (code !== undefined && code in errorCatalogue) return new SherdError(code as ErrorCode, text);
  const error = new Error(text);
  if (stack !== undefined) error.stack = stack;
  return error;
}

interface Promised<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function promised<T>(): Promised<T> {
  let settle: Pick<Promised<T>, "resolve" | "reject"> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as Pick<Promised<T>, "resolve" | "reject">) };
}

/** Whoever waits is told; nobody has to. */
const unheard = (promise: Promise<unknown>): void => void promise.catch(() => {});

class ThreadNode implements EmbeddedNode {
  readonly name: string;
  readonly host: string;
  readonly respPort: number;
  readonly clusterPort: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly #worker: Worker;
  readonly #listening: Promised<void> = promised();
  readonly #ready: Promised<void> = promised();
  readonly #ended: Promised<void> = promised();
  readonly #asked: Map<number, Promised<NodeStatus>> = new Map();
  readonly #onFatal: ((error: Error) => void) | undefined;
  readonly #cluster: LocalCluster | undefined;
  #question = 0;
  #failure: Error | undefined;
  #listens = false;
  #stopping = false;
  #over = false;

  static async start(
    settings: SettingValues & { readonly name: string },
    file: ClusterFile,
    onFatal: EmbeddedOptions["onFatal"],
    cluster?: LocalCluster,
  ): Promise<EmbeddedNode> {
    const node = new ThreadNode(settings, file, onFatal, cluster);
    await node.#listening.promise;
    return node;
  }

  private constructor(
    settings: SettingValues & { readonly name: string },
    file: ClusterFile,
    onFatal: EmbeddedOptions["onFatal"],
    cluster: LocalCluster | undefined,
  ) {
    const inFile = nodeOfFile(file, settings.name, settings.cluster ?? "The cluster");
    this.name = settings.name;
    this.host = settings.host ?? inFile.host;
    this.respPort = settings.respPort ?? inFile.respPort;
    this.clusterPort = settings.clusterPort ?? inFile.clusterPort;
    this.grpcPort = settings.grpcPort ?? inFile.grpcPort;
    this.httpPort = settings.httpPort ?? inFile.httpPort;
    this.#onFatal = onFatal;
    this.#cluster = cluster;
    unheard(this.#ready.promise);
    const workerData: WorkerData = { options: nodeOptions(settings, true) };
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { workerData, name: `sherd ${settings.name}` });
    this.#worker.on("message", (message: FromWorker) => this.#heard(message));
    // What the node itself did not catch: it could not be loaded, or has no memory.
    this.#worker.on("error", (error) => {
      this.#failure ??= error;
    });
    this.#worker.on("exit", (code) => void this.#exited(code));
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  status(): Promise<NodeStatus> {
    if (this.#over) return Promise.reject(this.#gone());
    this.#question += 1;
    const answer = promised<NodeStatus>();
    this.#asked.set(this.#question, answer);
    this.#tell({ kind: "status", id: this.#question });
    return answer.promise;
  }

  close(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#tell({ kind: "stop", handOver: true });
    }
    return this.#ended.promise;
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #heard(message: FromWorker): void {
    switch (message.kind) {
      case "listening":
        this.#listens = true;
        this.#listening.resolve();
        break;
      case "ready":
        this.#ready.resolve();
        break;
      case "status":
        this.#asked.get(message.id)?.resolve(message.status);
        this.#asked.delete(message.id);
        break;
      case "failed":
        this.#failure ??= errorOf(message.failure);
        break;
      default:
        break;
    }
  }

  #gone(): Error {
    return this.#failure ?? new SherdError("SHERD_NODE_FAILED", `The node ${this.name} has been closed.`);
  }

  async #exited(code: number): Promise<void> {
    this.#over = true;
    if (code !== 0) this.#failure ??= new SherdError("SHERD_NODE_FAILED", `The node's thread ended with code ${code}.`);
    const gone = this.#gone();
    // Before the start is known to have failed: the caller may try again at once.
    await this.#cluster?.release();
    this.#listening.reject(gone);
    this.#ready.reject(gone);
    for (const answer of this.#asked.values()) answer.reject(gone);
    this.#asked.clear();
    // Who waits for the start hears of it there.
    if (!this.#listens || this.#onFatal !== undefined) unheard(this.#ended.promise);
    if (this.#failure === undefined) {
      this.#ended.resolve();
      return;
    }
    this.#ended.reject(this.#failure);
    if (this.#listens) this.#onFatal?.(this.#failure);
  }
}
