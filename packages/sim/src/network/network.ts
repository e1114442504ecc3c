import { assert, crc32, type NodeId } from "sherd/core/base";
import type { PeerLinks } from "sherd/core/env";
import type { Random, World } from "../world/index.ts";
import { type Direction, type Endpoint, Pair } from "./direction.ts";

export interface NetworkOptions {
  /** One way, shortest and longest. */
  readonly latencyMs: readonly [number, number];
  /** Per message. Real links lose whole messages when a queue is full. */
  readonly lossProbability: number;
  /** Per message of the Raft core: others overtake it. Links never do it, and only Raft has to survive it. */
  readonly reorderProbability: number;
  /** The same: it comes twice. */
  readonly duplicateProbability: number;
  /** Per message under way when a connection ends: it arrives all the same, perhaps after the next has begun. */
  readonly lateProbability: number;
}

/** Shortest and longest time until a silent connection is given up. */
const SILENCE_MS = [500, 6_000] as const;
const REDIAL_MS = [20, 600] as const;
/** First byte of what the Raft core sends: docs/formats/messages.md. */
const RAFT = 1;
/** How much later than its turn a message may come that others overtake. */
const REORDER_MS_MAX = 60;

/** Links between all nodes, as `peer/` would make them: by node id, up and down events, whole messages or none. */
export class SimNetwork {
  readonly #world: World;
  readonly #random: Random;
  #options: NetworkOptions;
  readonly #endpoints: Map<NodeId, Endpoint> = new Map();
  readonly #pairs: Pair[] = [];

  constructor(world: World, nodes: readonly NodeId[], options: NetworkOptions) {
    this.#world = world;
    this.#random = world.random.stream("network");
    this.#options = options;
    nodes.forEach((left, at) => {
      for (const right of nodes.slice(at + 1)) this.#pairs.push(new Pair(left, right));
    });
  }

  // --- processes

  /** The process listens and dials from now on. */
  attach(node: NodeId, endpoint: Endpoint): void {
    assert(!this.#endpoints.has(node), "a node has one process at a time");
    this.#endpoints.set(node, endpoint);
    for (const pair of this.#pairs) if (pair.has(node)) this.#dial(pair);
  }

  /** The process is gone. `refuses`: its host still answers, so that others learn it at once. */
  detach(node: NodeId, refuses: boolean): void {
    if (!this.#endpoints.delete(node)) return;
    for (const pair of this.#pairs) {
      if (!pair.has(node) || !pair.connected) continue;
      const [own, other] = pair.ways[0].from === node ? pair.ways : [pair.ways[1], pair.ways[0]];
      const heard = refuses && !own.blocked;
      const epoch = this.#end(pair);
      own.up = false;
      this.#world.after(heard ? this.#latencyMs() : this.#silenceMs(), () => {
        if (pair.epoch !== epoch) return;
        this.#tellDown(other, false);
        if (heard) this.#world.after(this.#latencyMs(), () => this.#tellRefused(pair, other));
      });
    }
  }

  links(node: NodeId): PeerLinks {
    let outbox: { readonly way: Direction; readonly pair: Pair; readonly bytes: Uint8Array }[] = [];
    return {
      send: (to, message) => {
        const pair = this.#pair(node, to);
        if (pair.way(node).up) outbox.push({ way: pair.way(node), pair, bytes: message.slice() });
      },
      flush: () => {
        const leaving = outbox;
        outbox = [];
        for (const { way, pair, bytes } of leaving) this.#transmit(pair, way, bytes);
      },
      isUp: (peer) => this.#pair(node, peer).way(node).up,
    };
  }

  // --- faults

  block(from: NodeId, to: NodeId): void {
    const pair = this.#pair(from, to);
    const way = pair.way(from);
    if (way.blocked) return;
    way.blocked = true;
    const { epoch } = pair;
    this.#world.after(this.#silenceMs(), () => {
      if (way.blocked && pair.connected && pair.epoch === epoch) this.#lose(pair);
    });
  }

  unblock(from: NodeId, to: NodeId): void {
    const pair = this.#pair(from, to);
    const way = pair.way(from);
    if (!way.blocked) return;
    way.blocked = false;
    const held = way.held;
    way.held = [];
    for (const deliver of held) deliver();
    this.#dial(pair);
  }

  /** Nothing is blocked, lost or overtaken any more. */
  heal(): void {
    this.#options = { ...this.#options, lossProbability: 0, reorderProbability: 0, duplicateProbability: 0 };
    for (const pair of this.#pairs) for (const way of pair.ways) this.unblock(way.from, way.to);
  }

  /** A connection breaks and may be made again at once. False: there was none. */
  cut(left: NodeId, right: NodeId): boolean {
    const pair = this.#pair(left, right);
    if (!pair.connected) return false;
    this.#lose(pair);
    return true;
  }

  // --- connections

  #dial(pair: Pair): void {
    if (pair.dialing || pair.connected) return;
    pair.dialing = true;
    this.#world.after(this.#random.between(...REDIAL_MS), () => {
      pair.dialing = false;
      const [left, right] = pair.ways;
      // A peer that restarted is reported down before it is reported up again.
      for (const way of pair.ways) this.#tellDown(way, false);
      if (pair.connected || !this.#endpoints.has(left.from) || !this.#endpoints.has(right.from)) return;
      if (pair.blocked) return;
      pair.connected = true;
      pair.epoch += 1;
      for (const way of pair.ways) {
        way.lastArrivalMs = this.#world.nowMs;
        this.#tellUp(pair, way);
      }
    });
  }

  #lose(pair: Pair): void {
    const epoch = this.#end(pair);
    for (const way of pair.ways) {
      this.#world.after(this.#latencyMs(), () => {
        // Told already when the next connection was made.
        if (pair.epoch === epoch) this.#tellDown(way, false);
      });
    }
    this.#world.after(2 * this.#options.latencyMs[1], () => this.#dial(pair));
  }

  #end(pair: Pair): number {
    pair.connected = false;
    pair.epoch += 1;
    for (const way of pair.ways) way.held = [];
    return pair.epoch;
  }

  #tellUp(pair: Pair, way: Direction): void {
    const { epoch } = pair;
    this.#world.after(this.#latencyMs(), () => {
      const endpoint = this.#endpoints.get(way.from);
      endpoint?.run(() => {
        // A process that was paused may come to it late.
        if (pair.epoch !== epoch) return;
        way.up = true;
        this.#world.trace.event(`link ${name(way.from)} to ${name(way.to)} up`);
        endpoint.handler.onUp(way.to);
      });
    });
  }

  #tellDown(way: Direction, refused: boolean): void {
    if (!way.up && !refused) return;
    way.up = false;
    this.#world.coverage.count(refused ? "link: refused" : "link: down");
    this.#world.trace.event(`link ${name(way.from)} to ${name(way.to)} down${refused ? ", refused" : ""}`);
    const endpoint = this.#endpoints.get(way.from);
    endpoint?.run(() => endpoint.handler.onDown(way.to, refused));
  }

  #tellRefused(pair: Pair, way: Direction): void {
    if (!pair.connected && !pair.blocked && !this.#endpoints.has(way.to)) this.#tellDown(way, true);
  }

  // --- messages

  #transmit(pair: Pair, way: Direction, bytes: Uint8Array): void {
    const { lossProbability, duplicateProbability } = this.#options;
    if (!pair.connected || this.#random.chance(lossProbability)) {
      this.#world.coverage.count("message lost");
      return;
    }
    this.#deliverLater(pair, way, bytes);
    if (bytes[0] === RAFT && this.#random.chance(duplicateProbability)) this.#deliverLater(pair, way, bytes);
  }

  #deliverLater(pair: Pair, way: Direction, bytes: Uint8Array): void {
    const { epoch } = pair;
    const receiver = this.#endpoints.get(way.to);
    let arrivalMs = this.#world.nowMs + this.#latencyMs();
    if (bytes[0] === RAFT && this.#random.chance(this.#options.reorderProbability)) {
      arrivalMs += this.#random.between(0, REORDER_MS_MAX);
    } else {
      arrivalMs = Math.max(arrivalMs, way.lastArrivalMs);
      way.lastArrivalMs = arrivalMs;
    }
    const deliver = (): void => {
      if (way.blocked && pair.epoch === epoch) {
        way.held.push(deliver);
        return;
      }
      if (pair.epoch !== epoch && (way.blocked || !this.#random.chance(this.#options.lateProbability))) return;
      // What was sent to a process that has ended reaches nobody.
      if (receiver === undefined || this.#endpoints.get(way.to) !== receiver) return;
      this.#world.trace.mix(crc32(bytes));
      receiver.run(() => {
        const view = bytes.slice();
        receiver.handler.onMessage(way.from, view);
        // The view was valid during the call only.
        view.fill(0xdd);
      });
    };
    this.#world.after(arrivalMs - this.#world.nowMs, deliver);
  }

  #pair(left: NodeId, right: NodeId): Pair {
    const pair = this.#pairs.find((candidate) => candidate.has(left) && candidate.has(right));
    assert(pair !== undefined && left !== right, "messages go from one node of the cluster to another");
    return pair;
  }

  #latencyMs(): number {
    return this.#random.between(...this.#options.latencyMs);
  }

  #silenceMs(): number {
    return this.#random.between(...SILENCE_MS);
  }
}

const name = (node: NodeId): string => `n${Number.parseInt(node.slice(-4), 16)}`;
