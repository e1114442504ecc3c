import type { DurationHistogram, GroupId, Index, NodeId, ReplicaId, Slot, Term } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import type { Env, PeerLinks } from "../env/index.ts";
import type { Log } from "../log/index.ts";
import type { KeyspaceCounts } from "../machine/index.ts";
import type { ClusterMap, NodeInfo } from "../meta/index.ts";
import type { RaftCore, Role } from "../raft/index.ts";
import type { Request } from "../replica/index.ts";
import type { Store } from "../store/index.ts";
import type { Published } from "./messages.ts";
import type { ReplicasHolding } from "./replicas-holding.ts";
import type { ChangeUsers } from "./user-changes.ts";

export type { Request } from "../replica/index.ts";
export type { Published } from "./messages.ts";

export interface LeaderHint {
  readonly node: NodeId;
  readonly term: Term;
  /** Keys of the group, when the hint was given. */
  readonly keys: number;
}

/** What the front of a node (client connections, gRPC, HTTP) may ask of it. */
export interface NodeApi {
  readonly id: NodeId;
  /** This node's copy of the cluster map. */
  readonly map: ClusterMap;
  /**
   * The map is the meta group's as of a moment since this node started, so that what it says of users may open doors. Once
   * true it stays so.
   */
  readonly mapIsCurrent: boolean;
  /** The shard that owns the slot. */
  shardOf(slot: Slot): GroupId | undefined;
  leaderOf(group: GroupId): LeaderHint | undefined;
  isUp(node: NodeId): boolean;
  /**
   * Runs a command with keys of one slot: here, at its leader's node, or (redirect) answers MOVED.
   * Order: requests of one connection to one shard must be given here only when no earlier one of the other kind
   * (read or write) of that connection and shard is still open; the session keeps that order.
   */
  execute(request: Request): void;
  status(): NodeStatus;
  readonly figures: NodeFigures;
  /** DEBUG SET-ACTIVE-EXPIRE: whether ended keys are removed without being asked for. */
  activeExpiry: boolean;
  /** Called at the end of every pass: whoever gathered output writes it. */
  onPassEnd(listener: () => void): void;
  /** Called at every tick (50 ms), in a pass, with the monotonic time: for all that waits for a time. */
  onTick(listener: (nowMs: number) => void): void;
  /** Called when there is a newer cluster map here, which is `map` by then. */
  onMap(listener: () => void): void;
  /**
   * Makes other users of those that there are (see `UserChanges`). Answers OK when this node has the result; the others
   * have it as soon as they hear of it. Bounded by REQUEST_MS_MAX.
   */
  changeUsers(change: ChangeUsers, complete: (reply: Reply) => void): void;
  /** Tells a channel's message to all other nodes that can be reached now: at most once, in order, without a promise. */
  publish(published: Published): void;
  /** Called with what other nodes publish. Views that are valid during the call only. */
  onPublished(listener: (published: Published) => void): void;
  /** A warning in the node's log about what a client or a peer does: one for each `key` in COMPLAINT_REPEAT_MS. */
  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void;
  /** There will be a pass soon: for what happens outside of passes and has output. */
  requestPass(): void;
}

/** What INFO, ROLE, WAIT and LATENCY tell of the node's shards. */
export interface NodeFigures {
  /** Keys of the shards that this node leads, and how many of them end. */
  readonly keyCounts: { readonly keys: number; readonly expiring: number };
  /** What reads found, and keys that ended, since the start of the process. */
  readonly keyspace: Readonly<KeyspaceCounts>;
  /** Of the shards that this node leads: entries applied here, and what each other node is known to hold of them. */
  readonly replication: { readonly applied: number; readonly others: ReadonlyMap<NodeId, number> };
  /** What may hold requests up, by LATENCY's name: how long each turn, write of the log, batch of the engine took. */
  readonly slowMoments: readonly (readonly [event: string, durations: DurationHistogram])[];
  /** Asks the shard's leader how far its replicas are. Undefined: nobody could say. */
  replicasHolding(group: GroupId, complete: (held: ReplicasHolding | undefined) => void): void;
}

export interface NodeStatus {
  readonly id: NodeId;
  readonly name: string;
  readonly ready: boolean;
  readonly mapVersion: number;
  readonly groups: readonly GroupStatus[];
  readonly peers: readonly { readonly node: NodeId; readonly up: boolean }[];
  readonly numbers: Readonly<Record<string, number>>;
}

export interface GroupStatus {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly applied: Index;
  readonly commit: Index;
  readonly lastIndex: Index;
  readonly keys: number;
  /** Why this replica does not run (damage), if it does not. */
  readonly stopped: string | undefined;
}

export interface NodeOptions {
  readonly self: NodeInfo;
  readonly env: Env;
  readonly raft: RaftCore;
  readonly log: Log;
  readonly store: Store;
  readonly links: PeerLinks;
  /** The map the node starts from: the plan, until its meta replica or a peer knows better. */
  readonly map: ClusterMap;
  readonly commandOf: (opcode: number) => CommandSpec | undefined;
  /** A newer cluster map: members may have come, gone, or moved. */
  readonly onMap?: (map: ClusterMap) => void;
}
