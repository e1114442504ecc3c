import { assert, type NodeId } from "sherd/core/base";
import type { Connection, ConnectionHandler, Network } from "sherd/core/env";
import type { Random, World } from "../world/index.ts";
import { SimConnection } from "./connection.ts";
import { Host } from "./host.ts";
import { Way } from "./way.ts";

export interface NetworkOptions {
  /** One way, shortest and longest. */
  readonly latencyMs: readonly [number, number];
  /** Per message. Real links lose whole messages when a queue is full. */
  readonly lossProbability: number;
  /** Per message of the Raft core: others overtake it. Links never do it, and only Raft has to survive it. */
  readonly reorderProbability: number;
  /** The same: it comes twice. */
  readonly duplicateProbability: number;
  /** Per connection whose process ends: what it had sent still arrives whole. Else it is cut anywhere. */
  readonly lateProbability: number;
}

/** Where nobody is: whether that is said at all. */
const NO_ROUTE_PROBABILITY = 0.5;

/** Whose process was at an address last, and whether its machine answers whoever dials. */
interface Gone {
  readonly node: NodeId;
  readonly refuses: boolean;
}

/** Streams between all nodes. Nodes are where their processes bound themselves; faults are between nodes, not addresses. */
export class SimNetwork {
  readonly #world: World;
  readonly #random: Random;
  readonly #latencyMs: readonly [number, number];
  /** For messages, before they get into streams. */
  options: NetworkOptions;
  readonly #ways: Map<string, Way> = new Map();
  readonly #hosts: Map<string, Host> = new Map();
  readonly #gone: Map<string, Gone> = new Map();
  /** Ends of connections whose host lost its power: their other ends do not know. */
  #orphans: { readonly node: NodeId; readonly connection: SimConnection }[] = [];

  constructor(world: World, nodes: readonly NodeId[], options: NetworkOptions) {
    this.#world = world;
    this.#random = world.random.stream("network");
    this.#latencyMs = options.latencyMs;
    this.options = options;
    for (const from of nodes) {
      for (const to of nodes) {
        this.#ways.set(`${from} ${to}`, new Way(world, this.#random, from, to, this.#latencyMs));
      }
    }
  }

  // --- processes

  /** A process of the node binds its peer address. `run`: an event on that process. */
  bind(node: NodeId, address: string, run: (body: () => void) => void): Network {
    assert(!this.#hosts.has(address), `nobody else is at ${address}`);
    const host = new Host(
      { dial: (from, to, port, handler) => this.#dial(from, `${to}:${port}`, handler) },
      node,
      address,
      run,
    );
    this.#hosts.set(address, host);
    this.#gone.delete(address);
    for (const { node: owner, connection } of this.#orphans) if (owner === node) connection.reset();
    this.#orphans = this.#orphans.filter(({ node: owner }) => owner !== node);
    return host;
  }

  /** The node's process is gone. `refuses`: its machine still answers, so that others learn it at once. */
  unbind(node: NodeId, refuses: boolean): void {
    const host = [...this.#hosts.values()].find((candidate) => candidate.node === node);
    if (host === undefined) return;
    host.alive = false;
    this.#hosts.delete(host.address);
    this.#gone.set(host.address, { node, refuses });
    for (const connection of host.connections) {
      const whole = this.#random.chance(this.options.lateProbability);
      if (!refuses) {
        connection.fallSilent();
        this.#orphans.push({ node, connection });
      } else if (whole) {
        connection.close();
      } else {
        connection.cut();
      }
    }
  }

  /** The machine at the address moved away: nobody answers there. */
  vacate(address: string): void {
    this.#gone.delete(address);
  }

  // --- faults

  block(from: NodeId, to: NodeId): void {
    this.#way(from, to).block();
  }

  unblock(from: NodeId, to: NodeId): void {
    this.#way(from, to).unblock();
  }

  /** From one node to the other everything takes longer, the more the larger it is. */
  slow(from: NodeId, to: NodeId, addedMs: number, bytesPerMs: number): void {
    this.#way(from, to).slow(addedMs, bytesPerMs);
  }

  /** Nothing is blocked, slow, lost or overtaken any more. */
  heal(): void {
    this.options = { ...this.options, lossProbability: 0, reorderProbability: 0, duplicateProbability: 0 };
    for (const way of this.#ways.values()) {
      way.slow(0, Number.POSITIVE_INFINITY);
      way.unblock();
    }
  }

  /**
   * All connections between two nodes break: `left` hears of it at once, `right` gets a part of what was under way first.
   * False: there was none.
   */
  cut(left: NodeId, right: NodeId): boolean {
    let broken = false;
    for (const host of this.#hosts.values()) {
      if (host.node !== left) continue;
      for (const connection of host.connections) {
        if (connection.way.to !== right) continue;
        broken = true;
        connection.break();
      }
    }
    return broken;
  }

  // --- connections

  #dial(from: Host, address: string, handler: ConnectionHandler): Connection {
    const node = this.#hosts.get(address)?.node ?? this.#gone.get(address)?.node;
    const way = this.#way(from.node, node ?? from.node);
    const here = new SimConnection(this.#world, this.#random, from, way, address);
    here.handler = handler;
    if (node !== undefined) way.attempt(() => this.#knock(here, address));
    else if (this.#random.chance(NO_ROUTE_PROBABILITY)) way.attempt(() => here.end("failed"));
    return here;
  }

  /** The first packet of a connection reaches the machine at the address. */
  #knock(here: SimConnection, address: string): void {
    if (here.closed) return;
    const back = this.#way(here.way.to, here.way.from);
    const target = this.#hosts.get(address);
    if (target === undefined) {
      if (this.#gone.get(address)?.refuses === true) back.attempt(() => here.end("refused"));
      return;
    }
    if (target.node !== here.way.to) return;
    const there = new SimConnection(this.#world, this.#random, target, back, here.host.address);
    here.other = there;
    there.other = here;
    target.take(there);
    back.attempt(() =>
      here.host.run(() => {
        if (!here.closed) here.handler?.onOpen();
      }),
    );
  }

  #way(from: NodeId, to: NodeId): Way {
    const way = this.#ways.get(`${from} ${to}`);
    assert(way !== undefined, "messages go from one node of the cluster to another");
    return way;
  }
}
