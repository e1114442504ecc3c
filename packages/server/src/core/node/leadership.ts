import {
  FAILOVER_RANK_DELAY_MS,
  type GroupId,
  type Index,
  LEADER_BALANCE_TICKS,
  mark,
  type NodeId,
  type ReplicaId,
  TICK_MS,
  index as toIndex,
} from "../base/index.ts";
import type { ClusterMap, ReplicaInfo } from "../meta/index.ts";
import type { PeerProgress, RaftCore } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";

export interface LeadershipHost {
  readonly self: NodeId;
  readonly raft: RaftCore;
  map(): ClusterMap;
  replicas(): Iterable<Replica>;
  isUp(node: NodeId): boolean;
  /** Takes leaderships: up for a while and not shutting down. */
  isSteady(node: NodeId): boolean;
  /** It said that it should not lead: it stops, its disk is nearly full, or its clock is wrong. */
  isYielding(node: NodeId): boolean;
  /** The same of this node. */
  yields(): boolean;
}

/** Ticks between two attempts to take over from a leader whose process is gone. */
const RETRY_TICKS = 3;
const ATTEMPTS_MAX = 5;

interface Takeover {
  readonly rank: number;
  ticksLeft: number;
  attemptsLeft: number;
}

export function membersOf(map: ClusterMap, group: GroupId): readonly ReplicaInfo[] {
  return group === 0 ? map.metaReplicas : (map.shards.find((shard) => shard.group === group)?.replicas ?? []);
}

/**
 * Who leads, beyond what Raft decides by itself: taking over at once from a process that is certainly gone, spreading
 * leaders as the map prefers, and handing them over before a shutdown or when the disk is slow.
 *
 * Hazard: campaigning against a leader that is alive only disturbs it. So the fast way is taken only when the leader's
 * address answered that nobody listens there any more; everything else is left to Raft's election time-out.
 */
export class Leadership {
  readonly #host: LeadershipHost;
  readonly #takeovers: Map<GroupId, Takeover> = new Map();
  #ticks = 0;

  constructor(host: LeadershipHost) {
    this.#host = host;
  }

  /** The node's process is gone: its groups forget their leader and campaign, one rank after the other. */
  nodeGone(node: NodeId): void {
    for (const replica of this.#host.replicas()) {
      if (replica.stopped !== undefined || replica.leads) continue;
      const members = membersOf(this.#host.map(), replica.group);
      const leader = members.find((member) => member.replica === replica.leader);
      if (leader === undefined || leader.node !== node) continue;
      this.#host.raft.forgetLeader(replica.group);
      const rank = this.#rank(members, replica, node);
      const ticksLeft = Math.ceil((rank * FAILOVER_RANK_DELAY_MS) / TICK_MS);
      this.#takeovers.set(replica.group, { rank, ticksLeft, attemptsLeft: ATTEMPTS_MAX });
      if (rank > 0) continue;
      mark("failover: campaigns at once");
      this.#host.raft.campaign(replica.group);
    }
  }

  /** The link to a node broke: what was on its way to it is lost. */
  unreachable(node: NodeId): void {
    for (const replica of this.#host.replicas()) {
      if (!replica.leads) continue;
      const peer = membersOf(this.#host.map(), replica.group).find((member) => member.node === node);
      if (peer !== undefined) this.#host.raft.reportUnreachable(replica.group, peer.replica);
    }
  }

  /** Rotated by group, so that one survivor does not take all leaderships. */
  #rank(members: readonly ReplicaInfo[], replica: Replica, gone: NodeId): number {
    const living = members.filter((member) => member.node !== gone && this.#isHere(member.node));
    // Should the others not take it either, a wrong leader is better than none.
    if (this.#host.yields()) return living.length;
    const own = living.findIndex((member) => member.replica === replica.id);
    return (own - (replica.group % living.length) + living.length) % living.length;
  }

  #isHere(node: NodeId): boolean {
    return node === this.#host.self || this.#host.isUp(node);
  }

  /**
   * At the start, and when another node is found: whoever the map prefers campaigns as soon as it sees a majority, so that
   * nobody waits for an election time-out. Harmless where there is a leader: the others refuse the pre-vote. Not while
   * somebody asks for votes: one that was just told to lead would lose the leadership to this replica.
   */
  claim(): void {
    if (this.#host.yields()) return;
    for (const replica of this.#host.replicas()) {
      if (replica.stopped !== undefined || replica.leader !== 0 || replica.electing) continue;
      const members = membersOf(this.#host.map(), replica.group);
      const here = members.filter((member) => this.#isHere(member.node)).length;
      if (members[0]?.replica === replica.id && here * 2 > members.length) this.#host.raft.campaign(replica.group);
    }
  }

  tick(): void {
    this.#ticks += 1;
    for (const replica of this.#host.replicas()) this.#tickTakeover(replica);
    if (this.#ticks % LEADER_BALANCE_TICKS === 0) this.#balance();
  }

  #tickTakeover(replica: Replica): void {
    const takeover = this.#takeovers.get(replica.group);
    if (takeover === undefined) return;
    if (replica.leader !== 0 || replica.stopped !== undefined || takeover.attemptsLeft === 0) {
      this.#takeovers.delete(replica.group);
      return;
    }
    takeover.ticksLeft -= 1;
    if (takeover.ticksLeft > 0) return;
    takeover.attemptsLeft -= 1;
    mark("failover: campaigns again");
    takeover.ticksLeft = RETRY_TICKS + takeover.rank;
    this.#host.raft.campaign(replica.group);
  }

  /** A shard's first replica in the map should lead it, if it is up and has all entries. */
  #balance(): void {
    for (const replica of this.#host.replicas()) {
      if (!replica.leads) continue;
      const preferred = membersOf(this.#host.map(), replica.group)[0];
      if (preferred === undefined || preferred.node === this.#host.self || !this.#host.isSteady(preferred.node))
        continue;
      const progress = this.#host.raft.progress(replica.group).find((peer) => peer.peer === preferred.replica);
      if (progress?.recentActive !== true || progress.matched < replica.applied) continue;
      mark("leadership: given to the preferred replica");
      this.#host.raft.transferLeader(replica.group, preferred.replica);
    }
  }

  /**
   * Asks the most advanced member of each group that is led here to take over. Returns how many could be: a group whose
   * other members are gone has nobody to wait for.
   */
  handOver(): number {
    let led = 0;
    for (const replica of this.#host.replicas()) {
      if (!replica.leads) continue;
      const heir = this.#heir(replica);
      if (heir === undefined) continue;
      led += 1;
      this.#host.raft.transferLeader(replica.group, heir);
    }
    return led;
  }

  #heir(replica: Replica): ReplicaId | undefined {
    let best: PeerProgress | undefined;
    for (const peer of this.#host.raft.progress(replica.group)) {
      if (peer.peer === replica.id || !peer.recentActive) continue;
      const member = membersOf(this.#host.map(), replica.group).find((candidate) => candidate.replica === peer.peer);
      if (member === undefined || !this.#host.isUp(member.node) || this.#host.isYielding(member.node)) continue;
      if (best === undefined || peer.matched > best.matched) best = peer;
    }
    return best?.peer;
  }

  /** The highest index that every member holds: entries above it are kept for those that are behind. */
  heldByAll(replica: Replica): Index {
    let held = replica.applied as number;
    for (const peer of this.#host.raft.progress(replica.group)) {
      if (peer.peer !== replica.id) held = Math.min(held, peer.matched);
    }
    return toIndex(held);
  }
}
