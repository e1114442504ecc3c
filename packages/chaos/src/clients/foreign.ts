import { Cluster, ReplyError } from "ioredis";
import type { PlacedNode } from "../cluster/index.ts";
import { type Caller, type Told, toldByError, type Value } from "./caller.ts";
import { CONNECT_MS } from "./routed.ts";

/**
 * ioredis, which knows nothing of sherd, on the cluster ports. It follows MOVED and tries TRYAGAIN and CLUSTERDOWN again
 * by itself. By default it would also send again what a lost connection left unanswered: that is switched off, because
 * such a command may take effect twice.
 */
export class ForeignCaller implements Caller {
  readonly kind = "ioredis";
  readonly keepsOrder = false;
  readonly #commandTimeoutMs: number;
  #cluster: Cluster;

  constructor(nodes: readonly PlacedNode[], commandTimeoutMs: number) {
    this.#commandTimeoutMs = commandTimeoutMs;
    this.#cluster = this.#connect(nodes);
  }

  async call(_key: string, [name, ...args]: readonly string[]): Promise<Told> {
    try {
      return { outcome: "done", value: (await this.#cluster.call(name as string, ...args)) as Value };
    } catch (error) {
      if (error instanceof ReplyError) return toldByError((error as Error).message);
      // Its own errors do not say whether the command was sent.
      return { outcome: "unknown", why: `ioredis: ${(error as Error).message.split(".")[0]}` };
    }
  }

  reconnect(nodes: readonly PlacedNode[]): void {
    this.#cluster.disconnect();
    this.#cluster = this.#connect(nodes);
  }

  close(): void {
    this.#cluster.disconnect();
  }

  #connect(nodes: readonly PlacedNode[]): Cluster {
    const cluster = new Cluster(
      nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })),
      {
        retryDelayOnFailover: 0,
        redisOptions: {
          autoResendUnfulfilledCommands: false,
          maxRetriesPerRequest: 0,
          commandTimeout: this.#commandTimeoutMs,
          connectTimeout: CONNECT_MS,
        },
      },
    );
    // Each command is told of what concerns it; without a listener the emitter would throw.
    cluster.on("error", () => {});
    return cluster;
  }
}
