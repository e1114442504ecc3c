import type { GroupId, NodeId } from "sherd/core/base";
import type { ClusterMap } from "sherd/core/meta";

/** What checkers have to know about the faults of a run. */
export interface Soundness {
  /**
   * Nodes whose disk did not keep what it acknowledged. Such a node may refuse to start, end itself with a code of
   * damage, or stop a replica, at any time and for ever; it never serves or spreads a wrong value.
   */
  readonly unsoundNodes: ReadonlySet<NodeId>;
  /** Groups that have a replica on an unsound node. */
  readonly unsoundGroups: ReadonlySet<GroupId>;
  /**
   * Some group has lost the majority of its disks. What it acknowledged may be unavailable for ever, so nothing about
   * serving is promised; that nothing wrong is served and that nothing acknowledged is silently missing is.
   */
  readonly budgetExceeded: boolean;
}

/**
 * Which disks a run may make unsound. Within the budget they are a minority of every group, chosen once: a disk that was
 * ever unsound stays one that may not be relied on.
 */
export class Budget implements Soundness {
  readonly unsoundNodes: Set<NodeId> = new Set();
  readonly unsoundGroups: Set<GroupId> = new Set();
  readonly #groups: ReadonlyMap<GroupId, readonly NodeId[]>;
  readonly #unlimited: boolean;

  /** `unlimited`: a run beyond the budget. */
  constructor(plan: ClusterMap, unlimited: boolean) {
    this.#groups = membersByGroup(plan);
    this.#unlimited = unlimited;
  }

  get budgetExceeded(): boolean {
    return [...this.#groups.values()].some((members) => this.#unsoundAmong(members) * 2 >= members.length);
  }

  /** Whether the node's disk may be made unsound; then it is from now on. `minority`: also in runs beyond the budget. */
  spend(node: NodeId, limit?: "minority"): boolean {
    if (this.unsoundNodes.has(node)) return true;
    for (const members of this.#groups.values()) {
      if (this.#unlimited && limit === undefined) break;
      if (members.includes(node) && (this.#unsoundAmong(members) + 1) * 2 >= members.length) return false;
    }
    this.unsoundNodes.add(node);
    for (const [group, members] of this.#groups) if (members.includes(node)) this.unsoundGroups.add(group);
    return true;
  }

  #unsoundAmong(members: readonly NodeId[]): number {
    return members.filter((member) => this.unsoundNodes.has(member)).length;
  }
}

function membersByGroup(plan: ClusterMap): Map<GroupId, readonly NodeId[]> {
  const groups = new Map<GroupId, readonly NodeId[]>([[0 as GroupId, plan.metaReplicas.map(({ node }) => node)]]);
  for (const { group, replicas } of plan.shards)
    groups.set(
      group,
      replicas.map(({ node }) => node),
    );
  return groups;
}
