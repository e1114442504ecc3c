import {
  type GroupId,
  type Index,
  NO_REPLICA,
  type NodeId,
  type ReplicaId,
  STEADY_MS,
  type Term,
} from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import type { Replica } from "../replica/index.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { MapKeeper } from "./map-keeper.ts";
import { encodeHints, type GroupHint, type Hints } from "./messages.ts";
import type { LeaderHint } from "./types.ts";

export interface HintsHost {
  readonly self: NodeId;
  readonly links: PeerLinks;
  readonly map: MapKeeper;
  nowMs(): number;
  wallMs(): number;
  replicas(): Iterable<Replica>;
  replicaOf(group: GroupId): Replica | undefined;
  nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined;
  isUp(node: NodeId): boolean;
  heldByAll(replica: Replica): Index;
  /** The leader of a group that is not hosted here became known. */
  leaderFound(group: GroupId): void;
}

/**
 * What nodes tell each other beside Raft: who leads which group (for those that do not host it), how far its slowest
 * member is (so that the others keep its entries too), which map they have, what their clocks say, and that they should
 * not lead.
 * Hints: every one may be lost or late, and none decides anything that must be right.
 */
export class LeaderHints {
  readonly #host: HintsHost;
  readonly #leaders: Map<GroupId, LeaderHint> = new Map();
  readonly #draining: Set<NodeId> = new Set();
  readonly clock: ClockWatch = new ClockWatch();
  readonly #upSinceMs: Map<NodeId, number> = new Map();

  constructor(host: HintsHost) {
    this.#host = host;
  }

  /** By the replica here, if one runs; else by what was heard. */
  leaderOf(group: GroupId): LeaderHint | undefined {
    const replica = this.#host.replicaOf(group);
    if (replica === undefined || replica.stopped !== undefined) return this.#leaders.get(group);
    const node = replica.leader === NO_REPLICA ? undefined : this.#host.nodeOf(group, replica.leader);
    return node === undefined ? undefined : { node, term: replica.term, keys: replica.machine.keys };
  }

  /** The node that leads the group, if it is known and can be reached. */
  reachableLeader(group: GroupId): NodeId | undefined {
    const leader = this.leaderOf(group);
    return leader !== undefined && this.#host.isUp(leader.node) ? leader.node : undefined;
  }

  /** Connected for a while and not about to stop: leaderships may be given to it. */
  isSteady(node: NodeId): boolean {
    const since = this.#upSinceMs.get(node);
    return since !== undefined && !this.#draining.has(node) && this.#host.nowMs() - since >= STEADY_MS;
  }

  /** It said that it should not lead. */
  isYielding(node: NodeId): boolean {
    return this.#draining.has(node);
  }

  linkUp(node: NodeId): void {
    this.#upSinceMs.set(node, this.#host.nowMs());
  }

  linkDown(node: NodeId): void {
    this.#upSinceMs.delete(node);
    this.#draining.delete(node);
    this.clock.forget(node);
    for (const [group, hint] of this.#leaders) if (hint.node === node) this.#leaders.delete(group);
  }

  send(draining: boolean): void {
    const host = this.#host;
    const groups: GroupHint[] = [];
    for (const replica of host.replicas()) {
      if (!replica.leads) continue;
      replica.heldByAll = host.heldByAll(replica);
      replica.release();
      const { group, term, id, heldByAll } = replica;
      groups.push({ group, term, leader: id, heldByAll, keys: replica.machine.keys });
    }
    const map = host.map.current;
    const message = encodeHints({ mapVersion: map.version, draining, groups, wallMs: host.wallMs() });
    for (const node of map.nodes.keys()) {
      // A copy for each: a link takes over what it is given.
      if (node !== host.self && host.links.isUp(node)) host.links.send(node, message.slice());
    }
  }

  receive(from: NodeId, hints: Hints): void {
    if (hints.draining) this.#draining.add(from);
    else this.#draining.delete(from);
    if (hints.wallMs !== undefined) this.clock.heard(from, hints.wallMs, this.#host.wallMs());
    this.#host.map.peerHas(from, hints.mapVersion);
    for (const hint of hints.groups) this.#receive(from, hint);
  }

  #receive(from: NodeId, hint: GroupHint): void {
    const replica = this.#host.replicaOf(hint.group);
    // One that has stopped hears nothing of its group any more: it is led elsewhere, and requests must find it there.
    if (replica !== undefined && replica.stopped === undefined) {
      if (replica.leader === hint.leader && replica.term === hint.term) {
        replica.heldByAll = hint.heldByAll;
        replica.release();
      }
      return;
    }
    const knownTerm: Term | undefined = this.#leaders.get(hint.group)?.term;
    if (knownTerm !== undefined && knownTerm > hint.term) return;
    this.#leaders.set(hint.group, { node: from, term: hint.term, keys: hint.keys });
    this.#host.leaderFound(hint.group);
  }
}
