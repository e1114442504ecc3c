import type { DurationHistogram, GroupId, NodeId, ReplicaId, Slot } from "../base/index.ts";
import type { CommandSpec } from "../command/index.ts";
import type { Log } from "../log/index.ts";
import { KeyspaceCounts } from "../machine/index.ts";
import type { ClusterMap } from "../meta/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Replica, Request } from "../replica/index.ts";
import type { Store } from "../store/index.ts";
import { holdingCommand, type ReplicasHolding, replicasHoldingOf, replicationOf } from "./replicas-holding.ts";
import type { NodeFigures } from "./types.ts";

interface FiguresHost {
  readonly raft: RaftCore;
  readonly log: Log;
  readonly store: Store;
  readonly map: ClusterMap;
  shardOf(slot: Slot): GroupId | undefined;
  replicaOf(group: GroupId): Replica | undefined;
  replicas(): Iterable<Replica>;
  nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined;
  execute(request: Request): void;
}

/** Looked up when somebody asks (INFO, ROLE, WAIT, LATENCY), never on the way of a request. */
export class Figures implements NodeFigures {
  /** What asks a leader how far its replicas are. */
  readonly holding: CommandSpec;
  readonly keyspace: KeyspaceCounts = new KeyspaceCounts();
  readonly #host: FiguresHost;
  readonly #passes: DurationHistogram;
  #slowMoments: readonly (readonly [event: string, durations: DurationHistogram])[] | undefined;

  constructor(host: FiguresHost, passes: DurationHistogram) {
    this.#host = host;
    this.#passes = passes;
    this.holding = holdingCommand(host);
  }

  get keyCounts(): { keys: number; expiring: number } {
    let keys = 0;
    let expiring = 0;
    for (const { group } of this.#host.map.shards) {
      const replica = this.#host.replicaOf(group);
      if (replica?.leads !== true) continue;
      keys += replica.machine.keys;
      expiring += replica.machine.expiringKeys;
    }
    return { keys, expiring };
  }

  get replication(): { applied: number; others: Map<NodeId, number> } {
    return replicationOf(this.#host.replicas(), this.#host);
  }

  /** Asked for twenty times a second. */
  get slowMoments(): readonly (readonly [event: string, durations: DurationHistogram])[] {
    this.#slowMoments ??= [
      ["pass", this.#passes],
      ["log-write", this.#host.log.stats.syncs],
      ["flush", this.#host.store.stats.engineWrites],
    ];
    return this.#slowMoments;
  }

  replicasHolding(group: GroupId, complete: (held: ReplicasHolding | undefined) => void): void {
    const slot = this.#host.map.shards.find((shard) => shard.group === group)?.slots[0]?.from;
    if (slot === undefined) return complete(undefined);
    this.#host.execute({
      spec: this.holding,
      args: [],
      slot: slot as Slot,
      redirect: false,
      stale: false,
      complete: (reply) => complete(replicasHoldingOf(reply)),
    });
  }
}
