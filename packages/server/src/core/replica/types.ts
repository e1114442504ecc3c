import type { GroupId, Index, NodeId, ReplicaId, Slot } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import type { Env } from "../env/index.ts";
import type { Log } from "../log/index.ts";
import type { CommandOrigin, StateMachine } from "../machine/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Pins, Space, Store } from "../store/index.ts";
import type { ExpiryTurns } from "./expiry-turns.ts";
import type { ReadTurns } from "./read-turns.ts";
import type { Replica } from "./replica.ts";

/** One command of a client, on its way through the node. */
export interface Request {
  readonly spec: CommandSpec;
  /** Without the name. Whoever gives the request to a node leaves the bytes as they are, until it is completed. */
  readonly args: readonly Uint8Array[];
  readonly slot: Slot;
  /** The connection wants MOVED instead of forwarding. */
  readonly redirect: boolean;
  /** The connection accepts reads from any replica that is here. */
  readonly stale: boolean;
  /** Who sees the order of what it sent: the same for all requests of one client. Undefined: it stands alone. */
  readonly client?: number | string | undefined;
  /** Set on what another node forwarded: the session that makes its retries harmless. */
  readonly origin?: CommandOrigin;
  /** Exactly once; may happen inside the call that hands the request over. */
  complete(reply: Reply): void;
  /**
   * Set where order matters: this read did not happen when it was given here, but is tried again, so what came after it
   * may have happened before it. Before `complete`, any number of times.
   */
  retried?(): void;
  /** Nobody waits for its reply any more: a read need not run, and is postponed instead. */
  readonly unwanted?: boolean;
  /**
   * Set where a read can be executed again later: called instead of `complete` when nobody has room for its reply, or for
   * the read; `bytes` is how much it is.
   */
  postpone?(bytes: number): void;
  /** Set on forwarded requests, instead of rerouting: it had no effect here, the sender finds another way. */
  giveBack?(): void;
}

/** A request that certainly had no effect yet. */
export interface Rerouted {
  readonly request: Request;
  readonly args: readonly Uint8Array[];
  /** Monotonic time of its arrival: what finds no leader for too long is answered. */
  readonly bornMs: number;
}

/** A read that may be answered from the state as it is here, until its reply. */
export interface Serving {
  readonly read: Rerouted;
  readonly stale: boolean;
  /** The applied index at the first try. */
  since: Index | undefined;
  /** A page of keys: by which moment it judged, at most, what has ended. */
  clockMs: number | undefined;
  readonly pinned: Pins[];
}

/** What a replica asks of its node. */
export interface ReplicaHost {
  readonly env: Env;
  readonly raft: RaftCore;
  readonly log: Log;
  readonly store: Store;
  /** Reads that cost much, of all replicas. */
  readonly turns: ReadTurns<Serving>;
  /** Keys that have ended are removed although nobody asks for them. */
  readonly activeExpiry: boolean;
  readonly expiryTurns: ExpiryTurns;
  /** Unique for the life of the node: tickets of proposals, contexts of read rounds. */
  nextNumber(): number;
  /** The replica has something to propose, read or apply: it is visited in the next pass. */
  wake(replica: Replica): void;
  /** Finds another way for requests that had no effect here, in their order and before any later ones. */
  reroute(group: GroupId, items: readonly Rerouted[]): void;
  /** Role, leader or term changed, or the replica stopped. */
  roleChanged(replica: Replica): void;
  /** It does not lead any more, and by now it is known what became of all that it proposed. */
  settled(replica: Replica): void;
  makeMachine(space: Space): StateMachine;
  nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined;
  /** A part of a snapshot transfer to another replica of the group. */
  sendTransfer(group: GroupId, to: ReplicaId, bytes: Uint8Array): void;
  /** One snapshot is sent, and one received, at a time: false when the node is busy with another. */
  claimTransfer(direction: "send" | "receive", replica: Replica): boolean;
  releaseTransfer(direction: "send" | "receive", replica: Replica): void;
}
