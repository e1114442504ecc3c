import type { SecureContextOptions } from "node:tls";
import { RespConnection, type RespValue } from "@sherd/client";
import type { ClusterFileNode } from "../../packages/server/src/daemon/index.ts";

/** Sends each command to the next node's forwarding port, whoever leads; a connection that ended is made again. */
export class Forwarders {
  readonly #nodes: () => readonly ClusterFileNode[];
  readonly #connections = new Map<string, RespConnection>();
  readonly #tls: SecureContextOptions | undefined;
  #next = 0;

  constructor(nodes: () => readonly ClusterFileNode[], tls?: SecureContextOptions) {
    this.#nodes = nodes;
    this.#tls = tls;
  }

  call(args: readonly (string | Uint8Array)[]): Promise<RespValue> {
    const nodes = this.#nodes();
    const node = nodes[this.#next % nodes.length] as ClusterFileNode;
    this.#next += 1;
    let connection = this.#connections.get(node.name);
    if (connection === undefined || connection.closed) {
      connection = new RespConnection({ host: node.host, port: node.respPort, tls: this.#tls });
      this.#connections.set(node.name, connection);
    }
    return connection.call(args);
  }

  destroy(): void {
    for (const connection of this.#connections.values()) connection.destroy();
  }
}
