/**
 * The boundary to the Raft core (raft-rs in WebAssembly): what goes in and what comes out, per group.
 *
 * The binding (`RaftCore`) appends commands to one buffer; `exec` hands them over in one call and reports all that came
 * of it to a `RaftEvents`.
 *
 * "Owned" bytes are views into the one copy that each exec makes of its output: nobody writes to them again, and they
 * may be kept as long as wanted. But one view keeps that copy alive, with all messages and entries in it (small outputs
 * share one of 64 KiB): what lives longer than a write or a send, such as a value in the store, is copied by whoever
 * keeps it.
 */
import { type GroupId, type Index, index, type ReplicaId, type Term, term } from "../base/index.ts";

/** Kinds of entries: raft-rs' EntryType. */
export const EntryKind = { normal: 0, confChange: 1, confChangeV2: 2 } as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

export interface HardState {
  readonly term: Term;
  /** 0: no vote in this term. */
  readonly vote: ReplicaId;
  readonly commit: Index;
}

export interface ConfState {
  readonly voters: readonly ReplicaId[];
  readonly learners: readonly ReplicaId[];
  /** Not empty in a joint configuration only (thesis 4.3). */
  readonly votersOutgoing: readonly ReplicaId[];
  readonly learnersNext: readonly ReplicaId[];
  readonly autoLeave: boolean;
}

export interface Entry {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  /** Owned by the receiver of the event. Empty for a leader's first entry. */
  readonly data: Uint8Array;
}

/** Where the log of a group's first members begins: nothing before it ever existed. */
export const BOOTSTRAP: { readonly index: Index; readonly term: Term } = { index: index(1), term: term(1) };

/** Everything a group starts from, after recovery. */
export interface GroupStart {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly hardState: HardState;
  readonly confState: ConfState;
  /** What the state machine holds. Entries are handed over behind it only. */
  readonly applied: Index;
  /**
   * The position before the first entry the log still has: what the log dropped ends here. A group with members begins
   * at index 1, term 1 (`BOOTSTRAP`), never at 0: a log from 0 would let a new replica replay it from an empty
   * configuration, behind 1 it needs a snapshot, which has one. A new replica that waits for its snapshot starts with
   * everything 0 and an empty configuration.
   */
  readonly truncated: { readonly index: Index; readonly term: Term };
  /** Terms of all retained entries in (truncated, last], run by run: the first index of each term. */
  readonly termRuns: readonly { readonly first: Index; readonly term: Term }[];
  readonly last: Index;
  /** Entries in (applied, last], without gaps. */
  readonly entries: readonly Entry[];
}

export const Role = { follower: 0, candidate: 1, leader: 2, preCandidate: 3 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Why a proposal or a read did not even enter the log; it certainly takes no effect. */
export const DropReason = {
  /** This replica does not lead, or it leads but has committed nothing in its term yet (reads only). */
  notLeader: 0,
  /** A leadership transfer is under way. */
  transferring: 1,
  /** Too many uncommitted bytes. */
  full: 2,
  /** Another membership change is not yet applied. */
  changePending: 3,
  /** The group is not open in this core. */
  unknownGroup: 4,
  /** The membership change cannot be applied to the present configuration. */
  invalidChange: 5,
} as const;
export type DropReason = (typeof DropReason)[keyof typeof DropReason];

/** One Ready of raft-rs for one group. At most one a group and exec. */
export interface Ready {
  readonly group: GroupId;
  /**
   * To be given back by `persisted(group, number)` after the write below, and all writes of this group before it, are
   * durable; then the messages below are sent. In order; giving back a later one gives back those before it. Numbers
   * have gaps.
   */
  readonly number: number;
  /** Present when term, vote or commit changed. Of commit alone: goes along with the next write, `mustSync` is false. */
  readonly hardState: HardState | undefined;
  /** Append (and so replace from the first one's index on). */
  readonly entries: readonly Entry[];
  /**
   * A snapshot to install: the position it stands at, before the entries above. The rows are staged already, see
   * `replica/`. `persisted` makes its index the applied one; the configuration is in force already.
   */
  readonly snapshot: { readonly index: Index; readonly term: Term; readonly confState: ConfState } | undefined;
  /** False: nothing in it needs a sync, no write is started for it. It is durable when those before it are. */
  readonly mustSync: boolean;
  /** Messages that may leave only when this Ready (and all before it) is durable. Owned. */
  readonly messagesAfterPersist: readonly OutMessage[];
}

export interface OutMessage {
  readonly to: ReplicaId;
  /** raft-rs' MessageType, for limits, traces and tests. */
  readonly type: number;
  /** `eraftpb.Message`. Owned. */
  readonly bytes: Uint8Array;
}

export interface RaftEvents {
  /** The proposal has a place in the log, not more: it may still lose it to another leader. */
  onProposed(group: GroupId, ticket: number, term: Term, index: Index): void;
  onDropped(group: GroupId, ticket: number, reason: DropReason): void;
  /** A message that may leave at once. Snapshot messages: with the snapshot's rows, then `reportSnapshot`. */
  onMessage(group: GroupId, message: OutMessage): void;
  onReady(ready: Ready): void;
  /** To be applied, in order, once each. */
  onCommitted(group: GroupId, entries: readonly Entry[]): void;
  /** A read round is confirmed: reads that waited for `context` may be served once applied reaches `index`. */
  onReadReady(group: GroupId, context: number, index: Index): void;
  /** The round will never be confirmed (role change, not leader). Retryable. */
  onReadDropped(group: GroupId, context: number, reason: DropReason): void;
  /** Role, leader or term changed; comes before whatever follows from it. `leader` is 0 when unknown. */
  onRole(group: GroupId, role: Role, leader: ReplicaId, term: Term): void;
  /**
   * The core needs entries [from, to) of the log for this peer, up to about `bytesMax` and one at least: answer with
   * `provideEntries`. One fetch per peer at a time.
   */
  onEntriesWanted(group: GroupId, peer: ReplicaId, from: Index, to: Index, bytesMax: number): void;
  /**
   * What this peer needs is no longer in the log: answer with `provideSnapshot` when one is made. Asked again (about
   * each heartbeat) until then: ignored while one for this peer is being made.
   */
  onSnapshotWanted(group: GroupId, peer: ReplicaId, atLeast: Index): void;
  /** Answers every `applyConfChange`; the configuration is the old one if the entry did not fit it. */
  onConfState(group: GroupId, confState: ConfState): void;
}

/** Progress of one peer, as the leader sees it. */
export interface PeerProgress {
  readonly peer: ReplicaId;
  readonly matched: Index;
  readonly next: Index;
  readonly recentActive: boolean;
  readonly state: "probe" | "replicate" | "snapshot";
}

export interface RaftCoreOptions {
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly messageBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly uncommittedBytesMax: number;
  /** Committed entries handed over for one group in one exec. */
  readonly committedBytesMax: number;
  readonly nodeBytesMax: number;
}

export interface RaftImports {
  /** 32 random bits. The first draw seeds the core's generator, which only election timeouts use. */
  random(): number;
  /** What raft-rs finds worth a warning. */
  log(level: "error" | "warn", text: string): void;
}

/** As of the last exec. */
export interface RaftCounters {
  /** Messages of peers that were not decodable, not for this replica, of a type no peer sends, or impossible. Wraps. */
  readonly messagesMalformed: number;
  /** Appends that were dropped because the entries of all groups reached `nodeBytesMax`. Wraps. */
  readonly messagesOverBudget: number;
  /** Bytes of the entries that all groups hold in memory. */
  readonly heldBytes: number;
}

/** Commands take effect in order, at the next `exec`. */
export interface RaftCore {
  open(start: GroupStart): void;
  close(group: GroupId): void;
  tick(group: GroupId): void;
  /** Takes effect only on a leader; otherwise `onDropped`. Never forwarded. `data` is not empty. */
  propose(group: GroupId, ticket: number, data: Uint8Array): void;
  /**
   * `change`: eraftpb.ConfChangeV2, made by `encodeConfChange` or `leaveJoint`. A joint configuration that leaves by
   * itself needs no proposal: any leader proposes it, again after a change of leaders.
   */
  proposeConfChange(group: GroupId, ticket: number, change: Uint8Array): void;
  /** `context` is unique in the group for the life of this core. */
  readIndex(group: GroupId, context: number): void;
  /**
   * A message of a peer. What is malformed or not on the whitelist is dropped (and counted), never a panic; so is
   * MsgSnapshot, which has a way of its own.
   */
  step(group: GroupId, message: Uint8Array): void;
  /**
   * MsgSnapshot of a peer, of a snapshot whose rows are staged here: dropped (and counted) if it stands at another
   * index, or is another message. The core resets its log in memory for it, so a Ready must be able to install it.
   */
  stepSnapshot(group: GroupId, staged: Index, message: Uint8Array): void;
  /** The writes of this Ready are durable. Before its messages are sent. */
  persisted(group: GroupId, readyNumber: number): void;
  /** The state machine holds everything up to here. Not behind what was handed over and is durable. */
  applied(group: GroupId, index: Index): void;
  /**
   * A committed membership entry is applied: the core switches to the new configuration, and `onConfState` follows.
   * Before `applied` reaches its index. A leader that is not a voter any more steps down.
   */
  applyConfChange(group: GroupId, entry: Entry): void;
  /** The log dropped everything up to here. */
  truncated(group: GroupId, index: Index): void;
  transferLeader(group: GroupId, to: ReplicaId): void;
  /** The leader's process is certainly gone: forget it (become_follower(term, none)). */
  forgetLeader(group: GroupId): void;
  /** Without effect on a learner, on a leader, and while this replica's own log is not durable. */
  campaign(group: GroupId): void;
  reportUnreachable(group: GroupId, peer: ReplicaId): void;
  reportSnapshot(group: GroupId, peer: ReplicaId, arrived: boolean): void;
  /** Empty: the log has dropped them meanwhile. */
  provideEntries(group: GroupId, peer: ReplicaId, entries: readonly Entry[]): void;
  provideSnapshot(group: GroupId, peer: ReplicaId, index: Index, term: Term, confState: ConfState): void;
  /**
   * Runs all queued commands, then takes one Ready of each group that has something. Commands queued by the events belong
   * to the next exec. True: there is more, or an event queued a command; call again. (`applied` alone does not count: it
   * may wait for the next pass.) A trap is thrown as InvariantViolation: end the process.
   */
  exec(events: RaftEvents): boolean;
  /** As of the last exec; empty when this replica does not lead. */
  progress(group: GroupId): PeerProgress[];
  /** Bytes of wasm memory. It never shrinks. */
  readonly memoryBytes: number;
  readonly counters: RaftCounters;
}
