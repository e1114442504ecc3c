/** What tests of networks stand on: a handler whose events can be waited for, and peers over real sockets. */
import { crc32 } from "node:zlib";
import { bootCounter, clusterId, directoryId, type NodeId, nodeId, TICK_MS } from "../../../core/base/index.ts";
import type { CloseReason, ConnectionHandler, Env } from "../../../core/env/index.ts";
import type { NodeAddresses, NodeInfo } from "../../../core/meta/index.ts";
import { openPeers, type Peers } from "../../../core/peer/index.ts";
import type { HostNetwork } from "../index.ts";

export const HOST = "127.0.0.1";

/** A connection's events, each of which can be waited for. */
export class Events implements ConnectionHandler {
  readonly received: Uint8Array[] = [];
  #wake: (() => void) | undefined;
  opened = false;
  drains = 0;
  reason: CloseReason | undefined;

  onOpen(): void {
    this.opened = true;
    this.#wake?.();
  }

  onData(bytes: Uint8Array): void {
    this.received.push(bytes.slice());
    this.#wake?.();
  }

  onDrain(): void {
    this.drains += 1;
    this.#wake?.();
  }

  onClose(reason: CloseReason): void {
    this.reason = reason;
    this.#wake?.();
  }

  get bytes(): number {
    return this.received.reduce((sum, part) => sum + part.length, 0);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A node of which there is nothing but its peers. */
export class RealNode {
  readonly id: NodeId;
  readonly network: HostNetwork;
  readonly events = new Events();
  readonly log: string[] = [];
  readonly messages: Uint8Array[] = [];
  peers: Peers | undefined;
  #ticks: ReturnType<typeof setInterval> | undefined;

  constructor(name: string, network: HostNetwork) {
    this.id = nodeId(name.repeat(40));
    this.network = network;
  }

  get info(): NodeInfo {
    const peerPort = this.network.port;
    const addresses: NodeAddresses = { host: HOST, peerPort, respPort: 1, clusterPort: 1, grpcPort: 1, httpPort: 1 };
    return { id: this.id, name: this.id.slice(0, 1), addresses, bootCounter: bootCounter(0), directory: undefined };
  }

  start(members: readonly NodeInfo[]): void {
    const { id, name, addresses } = this.info;
    const self = {
      nodeId: id,
      clusterId: clusterId("c".repeat(40)),
      directoryId: directoryId(id),
      bootCounter: bootCounter(1),
      name,
      addresses,
    };
    const env = { checksum: crc32, random32: () => 7, log: () => undefined } as unknown as Env;
    const disk = { readFile: () => undefined, writeFile: () => undefined };
    this.peers = openPeers(
      env,
      this.network,
      disk,
      { self, members, seeds: [] },
      {
        onMessage: (_from, message) => {
          this.messages.push(message.slice());
          this.events.onDrain();
        },
        onUp: (node) => this.#report(`up ${node.slice(0, 1)}`),
        onDown: (node, refused) => this.#report(`${refused ? "gone" : "down"} ${node.slice(0, 1)}`),
        onRefused: (code) => this.#report(code),
      },
    );
    this.#ticks = setInterval(() => this.peers?.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#ticks);
    this.peers?.close();
  }

  #report(event: string): void {
    this.log.push(event);
    this.events.onDrain();
  }
}
