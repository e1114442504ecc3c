import type { NodeId } from "sherd/core/base";
import type { PeerLinksHandler } from "sherd/core/env";

/** One process, as the network knows it. */
export interface Endpoint {
  readonly handler: PeerLinksHandler;
  /** Runs an event on the process, if it lives. */
  run(body: () => void): void;
}

/** One way between two nodes. */
export class Direction {
  readonly from: NodeId;
  readonly to: NodeId;
  /** What the sender believes. */
  up = false;
  blocked = false;
  /** Messages keep their order unless the network is told otherwise. */
  lastArrivalMs = 0;
  /** Arrived at the place where the way is blocked: they go on when it is free again, if the link lasts. */
  held: (() => void)[] = [];

  constructor(from: NodeId, to: NodeId) {
    this.from = from;
    this.to = to;
  }
}

/** A connection between two nodes and what becomes of it. */
export class Pair {
  readonly ways: readonly [Direction, Direction];
  connected = false;
  /** Counts connections made and lost: events of an older one are recognised by it. */
  epoch = 0;
  dialing = false;

  constructor(left: NodeId, right: NodeId) {
    this.ways = [new Direction(left, right), new Direction(right, left)];
  }

  has(node: NodeId): boolean {
    return this.ways[0].from === node || this.ways[1].from === node;
  }

  way(from: NodeId): Direction {
    return this.ways[0].from === from ? this.ways[0] : this.ways[1];
  }

  get blocked(): boolean {
    return this.ways[0].blocked || this.ways[1].blocked;
  }
}
