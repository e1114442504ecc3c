import { assert, type NodeId } from "sherd/core/base";
import type { Connection, ConnectionHandler, Network } from "sherd/core/env";
import type { SimConnection } from "./connection.ts";

/** What the network does for a process. */
export interface Dialer {
  dial(from: Host, host: string, port: number, handler: ConnectionHandler): Connection;
}

/** The network as one process of a node sees it: bound to the node's peer address before core starts. */
export class Host implements Network {
  readonly node: NodeId;
  readonly address: string;
  readonly connections: Set<SimConnection> = new Set();
  alive = true;
  /** Runs an event on the process, if it lives. */
  readonly run: (body: () => void) => void;
  readonly #dialer: Dialer;
  #accept: ((connection: Connection) => ConnectionHandler) | undefined;
  /** Made by the kernel before the process asked for them. */
  #early: SimConnection[] = [];

  constructor(dialer: Dialer, node: NodeId, address: string, run: (body: () => void) => void) {
    this.#dialer = dialer;
    this.node = node;
    this.address = address;
    this.run = run;
  }

  listen(accept: (connection: Connection) => ConnectionHandler): void {
    assert(this.#accept === undefined, "a process listens once");
    this.#accept = accept;
    const early = this.#early;
    this.#early = [];
    for (const connection of early) connection.handler = accept(connection);
  }

  dial(host: string, port: number, handler: ConnectionHandler): Connection {
    return this.#dialer.dial(this, host, port, handler);
  }

  // --- for the network

  take(connection: SimConnection): void {
    this.run(() => {
      if (this.#accept === undefined) this.#early.push(connection);
      else connection.handler = this.#accept(connection);
    });
  }
}
