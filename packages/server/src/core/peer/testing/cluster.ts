import {
  bootCounter,
  type ClusterId,
  clusterId,
  crc32,
  type DirectoryId,
  directoryId,
  type NodeId,
  nodeId,
  TICK_MS,
} from "../../base/index.ts";
import type { Env } from "../../env/index.ts";
import type { NodeAddresses, NodeInfo } from "../../meta/index.ts";
import { openPeers, type Peers, type PeersHandler } from "../index.ts";
import { MemoryWorld } from "./memory-network.ts";

export const hex = (text: string): string => {
  let out = "";
  for (const char of text) out += char.charCodeAt(0).toString(16).padStart(2, "0");
  return out.padEnd(40, "f").slice(0, 40);
};

export function addresses(at: string): NodeAddresses {
  const [host, port] = at.split(":") as [string, string];
  const peerPort = Number(port);
  return { host, peerPort, respPort: 6379, clusterPort: 7379, grpcPort: 7000, httpPort: 7080 };
}

/** An environment of which only what peers use is there. */
export function testEnv(random32: () => number, log: (line: string) => void): Env {
  const absent = (): never => {
    throw new Error("peers do not use this");
  };
  return {
    monotonicMs: absent,
    wallMs: absent,
    random32,
    checksum: crc32,
    latin1: absent,
    deflate: absent,
    inflate: absent,
    requestPass: absent,
    fatal: absent,
    log: (_level, message) => log(message),
  };
}

/** A data directory, and the node that runs on it. Survives the node's restarts. */
export class TestNode {
  readonly #cluster: TestCluster;
  readonly name: string;
  readonly id: NodeId;
  clusterId: ClusterId = clusterId(hex("cluster"));
  directory: DirectoryId;
  boots = 0;
  at: string;
  /** Where it says it is, if that is not where it is. */
  advertised: string | undefined;
  files = new Map<string, Uint8Array>();
  peers: Peers | undefined;
  /** What was reported, in order. */
  readonly events: string[] = [];
  readonly logs: string[] = [];
  readonly messages: { from: string; bytes: Uint8Array }[] = [];
  /** Called with each message, while its view is valid. */
  onMessage: ((from: NodeId, message: Uint8Array) => void) | undefined;

  constructor(cluster: TestCluster, name: string, at: string) {
    this.#cluster = cluster;
    this.name = name;
    this.id = nodeId(hex(name));
    this.directory = directoryId(hex(`dir ${name}`));
    this.at = at;
  }

  /** As the bootstrap plan lists it: nothing is known of its directory or its starts. */
  planned(): NodeInfo {
    return {
      id: this.id,
      name: this.name,
      addresses: addresses(this.at),
      bootCounter: bootCounter(0),
      directory: undefined,
    };
  }

  start(members: readonly NodeInfo[], seeds: readonly string[] = []): void {
    this.boots += 1;
    const { host, peerPort } = addresses(this.at);
    const self = {
      nodeId: this.id,
      clusterId: this.clusterId,
      directoryId: this.directory,
      bootCounter: bootCounter(this.boots),
      name: this.name,
      addresses: addresses(this.advertised ?? this.at),
    };
    const env = testEnv(
      () => this.#cluster.world.random32(),
      (line) => this.logs.push(line),
    );
    const disk = {
      readFile: (path: string): Uint8Array | undefined => this.files.get(path),
      writeFile: (path: string, bytes: Uint8Array): void => void this.files.set(path, bytes.slice()),
    };
    this.peers = openPeers(
      env,
      this.#cluster.world.bind(host, peerPort),
      disk,
      { self, members, seeds },
      this.#handler(),
    );
  }

  /** As kill -9: nothing is closed or saved by the node itself. */
  kill(): void {
    this.#cluster.world.kill(this.at);
    this.peers = undefined;
  }

  /** Another disk under the same name and id. */
  loseDisk(): void {
    this.files = new Map();
    this.directory = directoryId(hex(`new ${this.name}`));
    this.boots = 0;
  }

  send(to: TestNode, bytes: Uint8Array): void {
    this.peers?.send(to.id, bytes);
  }

  flush(): void {
    this.peers?.flush();
  }

  isUp(node: TestNode): boolean {
    return this.peers?.isUp(node.id) ?? false;
  }

  knows(node: TestNode): string | undefined {
    const info = this.peers?.known().get(node.id);
    return info && `${info.addresses.host}:${info.addresses.peerPort}`;
  }

  #handler(): PeersHandler {
    const nameOf = (id: NodeId): string => this.#cluster.nodes.find((node) => node.id === id)?.name ?? id;
    return {
      onMessage: (from, message) => {
        this.messages.push({ from: nameOf(from), bytes: message.slice() });
        this.onMessage?.(from, message);
      },
      onUp: (node) => this.events.push(`up ${nameOf(node)}`),
      onDown: (node, refused) => this.events.push(`${refused ? "gone" : "down"} ${nameOf(node)}`),
      onAddresses: (info) =>
        this.events.push(`${nameOf(info.id)} at ${info.addresses.host}:${info.addresses.peerPort}`),
      onRefused: (code) => {
        this.events.push(`refused ${code}`);
        this.kill();
      },
    };
  }
}

/** Nodes in one memory world, under virtual time. */
export class TestCluster {
  readonly world: MemoryWorld;
  readonly nodes: TestNode[] = [];

  constructor(seed = 1) {
    this.world = new MemoryWorld(seed);
  }

  node(name: string, at: string): TestNode {
    const node = new TestNode(this, name, at);
    this.nodes.push(node);
    return node;
  }

  /** So much time, and everything that happens in it. */
  pass(milliseconds: number): void {
    this.world.run();
    for (let ms = 0; ms < milliseconds; ms += TICK_MS) {
      for (const node of this.nodes) node.peers?.tick();
      this.world.run();
    }
  }
}
