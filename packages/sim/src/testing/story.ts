import { type GroupId, groupId } from "sherd/core/base";
import type { LogOptions } from "sherd/core/log";
import type { Operation } from "../checkers/index.ts";
import { Cluster } from "../cluster.ts";
import type { Machine, Sabotage } from "../node/index.ts";
import { call, judge } from "../workload/index.ts";
import { World } from "../world/index.ts";

const KIB = 1024;

/** One shard on three nodes, in which nothing happens by itself but what production code does. */
export class Story {
  readonly world: World;
  readonly cluster: Cluster;
  readonly group: GroupId = groupId(1);

  /** `log`: limits other than the usual ones, which are so wide that a story does not meet them. */
  constructor(seed: bigint, sabotage?: Sabotage, log: LogOptions = {}) {
    this.world = new World(seed);
    this.cluster = new Cluster(this.world, {
      nodes: 3,
      shards: 1,
      network: {
        latencyMs: [0.1, 1],
        lossProbability: 0,
        reorderProbability: 0,
        duplicateProbability: 0,
        lateProbability: 0,
      },
      sizes: {
        log: { directory: "log", segmentBytes: 512 * KIB, frameBytesMax: 256 * KIB, ...log },
        store: { cacheBytesMax: 1024 * KIB },
      },
      diskWriteMs: [0.1, 1],
      engineMs: [0.02, 1],
      sabotage,
    });
    this.cluster.start();
    this.waitUntil("a leader", () => this.leaders().length === 1);
    this.pass(2_500);
  }

  pass(ms: number): void {
    this.world.run(this.world.nowMs + ms);
  }

  /** Throws when it takes longer than ten seconds. */
  waitUntil(what: string, reached: () => boolean): void {
    this.world.run(this.world.nowMs + 10_000, reached);
    if (!reached()) throw new Error(`${what}: not within ten seconds`);
  }

  leaders(): Machine[] {
    return this.cluster.machines.filter(({ node }) => node?.replicaOf(this.group)?.leads === true);
  }

  /** The only one. */
  leader(): Machine {
    const [leader, ...more] = this.leaders();
    if (leader === undefined || more.length > 0) throw new Error("there is not exactly one leader");
    return leader;
  }

  others(machine: Machine): Machine[] {
    return this.cluster.machines.filter((other) => other !== machine);
  }

  isolate(machine: Machine): void {
    for (const other of this.others(machine)) {
      this.cluster.network.block(machine.info.id, other.info.id);
      this.cluster.network.block(other.info.id, machine.info.id);
    }
  }

  transferLeader(to: Machine): void {
    const from = this.leader();
    const replica = to.node?.replicaOf(this.group);
    from.process?.run(() => {
      if (replica !== undefined) from.node?.raft.transferLeader(this.group, replica.id);
      from.node?.env.requestPass();
    });
    this.waitUntil(`${to.name} leads`, () => this.leaders().includes(to) && this.leaders().length === 1);
  }

  send(to: Machine, kind: Operation["kind"], key: string, redirect = false, valueBytes = 0): Operation {
    const operation = this.cluster.recorder.begin("test", key, { kind, keys: [key], valueBytes });
    to.process?.run(() =>
      call(to, operation, redirect, (reply) => this.cluster.recorder.end(operation, judge(operation, reply))),
    );
    return operation;
  }
}
