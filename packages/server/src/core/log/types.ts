import type { DurationHistogram, GroupId, Index, Term } from "../base/index.ts";
import type { Entry, HardState } from "../raft/index.ts";

/** What recovery found of one group. */
export interface RecoveredGroup {
  readonly group: GroupId;
  readonly hardState: HardState;
  /** The position before the first entry that is still there. */
  readonly truncated: { readonly index: Index; readonly term: Term };
  readonly termRuns: readonly { readonly first: Index; readonly term: Term }[];
  /** Equal to `truncated.index` when there is no entry. */
  readonly last: Index;
}

export interface LogHandler {
  /** The log dropped everything of this group up to here: the Raft core must be told. */
  onTruncated(group: GroupId, index: Index): void;
  /** A write has been running for LOG_WRITE_SLOW_MS: hand leaderships over. Once for each such write. */
  onSlowWrite(runningMs: number): void;
  /**
   * These groups hold back segments that should be recycled (too much retained). The owner flushes the store, then
   * calls `release` again; if entries of an idle group still pin, the log writes a carry record by itself.
   */
  onPressure(groups: readonly GroupId[]): void;
}

export interface LogOptions {
  /** Directory of the segments, within the disk's root. */
  readonly directory?: string;
  readonly segmentBytes?: number;
  readonly frameBytesMax?: number;
  readonly retainedBytesMax?: number;
  readonly pinnedBytesMax?: number;
  readonly carryBytesMax?: number;
}

/** Counted since the start. */
export interface LogStats {
  readonly writes: number;
  readonly writtenBytes: number;
  readonly entries: number;
  /** Uses of segments begun. */
  readonly segments: number;
  /** Idle groups copied so that old segments could be released. */
  readonly carries: number;
  /** How long each write took until it was durable. */
  readonly syncs: DurationHistogram;
}

/** The write-ahead log of a node, for all of its groups. */
export interface Log {
  /** There was no log in the directory before: a node that has anything in its store must refuse to go on. */
  readonly created: boolean;
  /** As found at start; not updated. */
  readonly recovered: ReadonlyMap<GroupId, RecoveredGroup>;
  first(group: GroupId): Index;
  last(group: GroupId): Index;
  /** Undefined when the log no longer knows it. */
  term(group: GroupId, index: Index): Term | undefined;
  /** Entries [from, to), synchronously: start-up only. */
  readNow(group: GroupId, from: Index, to: Index): Entry[];
  /**
   * Gathers into the current frame. Entries replace what the group had from the first one's index on.
   * `done` runs when the frame is durable, in the order of the calls.
   */
  append(group: GroupId, hardState: HardState | undefined, entries: readonly Entry[], done: () => void): void;
  /** The group's entries are discarded; its log now begins behind (index, term). After a snapshot, or by recovery. */
  reset(group: GroupId, index: Index, term: Term, hardState: HardState, done: () => void): void;
  /** The group is gone from this node. */
  remove(group: GroupId, done: () => void): void;
  /** End of a pass: starts the write of what was gathered, unless one is running (then the next takes all). */
  flush(): void;
  /** Entries [from, to) up to about `bytesMax` (at least one). Empty when they were dropped or replaced meanwhile. */
  read(group: GroupId, from: Index, to: Index, bytesMax: number, done: (entries: Entry[]) => void): void;
  /**
   * `durable`: the store has durably flushed this applied index; nothing above it may ever be dropped.
   * `wanted`: live replicas still want entries from here on; kept as far as the limit allows.
   */
  release(group: GroupId, durable: Index, wanted: Index): void;
  /**
   * A snapshot is on its way to a replica that will need the entries from here on: they are kept beyond the limit of
   * what is `wanted`, as far as a limit of their own allows. Undefined: there is no such replica any more.
   */
  pin(group: GroupId, from: Index | undefined): void;
  /** The disk is nearly full, or not any more: while it is, pins hold nothing, so that files are used again, not made. */
  roomIsScarce(scarce: boolean): void;
  /** Every TICK_MS: seals when idle, watches slow writes, prepares segments. */
  tick(): void;
  /** True while a write runs or something waits for one. */
  readonly busy: boolean;
  /** Bytes of all segments that hold live records. */
  readonly retainedBytes: number;
  readonly stats: LogStats;
  /** Writes what was gathered, seals, closes. */
  close(done: () => void): void;
}
