import { type GroupId, type Index, index, META_GROUP, NO_REPLICA, type ReplicaId, SherdError } from "../base/index.ts";
import { AppliedState, initialSystemRows } from "../machine/index.ts";
import { metaSystemRows } from "../meta/index.ts";
import { BOOTSTRAP, type GroupStart } from "../raft/index.ts";
import { recoverGroup } from "../replica/index.ts";
import type { Space } from "../store/index.ts";
import { Node } from "./node.ts";
import type { NodeOptions } from "./types.ts";

export interface OpenNodeOptions extends NodeOptions {
  /** True: this directory was set up before and has begun, so a replica that is not there was lost, not yet to be made. */
  readonly bootstrapped: boolean;
}

interface Planned {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly rows: () => Map<string, Uint8Array>;
}

/**
 * Brings a node up from its log and store. The first time it makes the replicas that the plan gives it, each durable
 * before the next; interrupted, it continues with those that are missing. `ready` comes when all replicas are there. New ones
 * begin when others have met the node (`FirstContact`); the caller records it then (`Node.whenBegun`). What stands in the way is thrown, or, once something had to be
 * waited for, given to `failed`.
 */
export function openNode(
  options: OpenNodeOptions,
  ready: (node: Node) => void,
  failed: (error: unknown) => void,
): void {
  const present = new Map(options.store.spaces.map((space) => [space.group, space]));
  const missing = plannedHere(options).filter((planned) => !present.has(planned.group));
  const first = missing[0];
  if (options.bootstrapped && first !== undefined) {
    throw new SherdError("SHERD_STORE_DAMAGED", `Group ${first.group} has no rows on node ${options.self.name}.`);
  }
  createMissing(options, missing, () => {
    try {
      recover(new Node(options), options, ready);
    } catch (error) {
      failed(error);
    }
  });
}

function plannedHere(options: OpenNodeOptions): Planned[] {
  const { map, self } = options;
  const planned: Planned[] = [];
  for (const member of map.metaReplicas) {
    if (member.node === self.id) {
      planned.push({ group: META_GROUP, replica: member.replica, rows: () => metaSystemRows(map) });
    }
  }
  for (const shard of map.shards) {
    for (const member of shard.replicas) {
      if (member.node !== self.id) continue;
      const voters = shard.replicas.map((other) => other.replica);
      planned.push({ group: shard.group, replica: member.replica, rows: () => initialSystemRows(voters) });
    }
  }
  return planned;
}

function createMissing(options: OpenNodeOptions, missing: readonly Planned[], done: () => void): void {
  const [next, ...rest] = missing;
  if (next === undefined) return done();
  options.store.createSpace(next.group, next.replica, next.rows(), () => createMissing(options, rest, done));
}

function recover(node: Node, options: OpenNodeOptions, ready: (node: Node) => void): void {
  const { log, store } = options;
  let resets = 0;
  let started = false;
  const finish = (): void => {
    if (started && resets === 0) ready(node);
  };
  for (const space of store.spaces) {
    const applied = AppliedState.read((name) => space.system(name));
    const plan = recoverGroup(space.group, log.recovered.get(space.group), applied);
    if (plan.reset) {
      resets += 1;
      log.reset(space.group, plan.truncated.index, plan.truncated.term, plan.hardState, () => {
        resets -= 1;
        finish();
      });
    }
    const start = groupStart(space, applied, plan, options);
    if (!options.bootstrapped && isUntouched(start)) node.hostNew(space, start);
    else node.host(space, start);
  }
  if (node.unmet.length > 0) {
    const nodes = node.unmet.map((id) => options.map.nodes.get(id)?.name ?? id);
    options.env.log("info", "new replicas begin when enough of these nodes have been met", { nodes });
  }
  log.flush();
  started = true;
  if (resets === 0) ready(node);
}

/** It has neither voted nor taken an entry: it is new, or its disk was emptied. */
function isUntouched({ hardState, applied, last }: GroupStart): boolean {
  const { index: first, term } = BOOTSTRAP;
  return last === first && applied === first && hardState.term === term && hardState.vote === NO_REPLICA;
}

function groupStart(
  space: Space,
  applied: AppliedState,
  plan: ReturnType<typeof recoverGroup>,
  options: OpenNodeOptions,
): GroupStart {
  const behind: Index = index(applied.index + 1);
  const entries = plan.last >= behind ? options.log.readNow(space.group, behind, index(plan.last + 1)) : [];
  return {
    group: space.group,
    replica: space.replica,
    hardState: plan.hardState,
    confState: applied.confState,
    applied: applied.index,
    truncated: plan.truncated,
    termRuns: plan.termRuns,
    last: plan.last,
    entries,
  };
}
