import { ClusterConnections } from "@sherd/client";
import type { PlacedNode } from "../cluster/index.ts";
import { type Caller, type Told, toldByClientError, toldByReply } from "./caller.ts";

/** `@sherd/client` on the cluster ports: follows MOVED. */
export class RoutedCaller implements Caller {
  readonly kind = "routed";
  /** A command that is redirected is overtaken. */
  readonly keepsOrder = false;
  readonly #replyTimeoutMs: number;
  #connections: ClusterConnections;

  constructor(nodes: readonly PlacedNode[], replyTimeoutMs: number) {
    this.#replyTimeoutMs = replyTimeoutMs;
    this.#connections = this.#connect(nodes);
  }

  async call(key: string, args: readonly string[]): Promise<Told> {
    try {
      return toldByReply(await this.#connections.call(new TextEncoder().encode(key), args));
    } catch (error) {
      return toldByClientError(error);
    }
  }

  reconnect(nodes: readonly PlacedNode[]): void {
    this.#connections.destroy();
    this.#connections = this.#connect(nodes);
  }

  close(): void {
    this.#connections.destroy();
  }

  #connect(nodes: readonly PlacedNode[]): ClusterConnections {
    return new ClusterConnections({
      seeds: nodes.map(({ host, clusterPort }) => ({ host, port: clusterPort })),
      connection: { replyTimeoutMs: this.#replyTimeoutMs, connectTimeoutMs: CONNECT_MS },
    });
  }
}

/** Of clients on the same machine; a pulled cable answers nothing. */
export const CONNECT_MS = 1_500;
