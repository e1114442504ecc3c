import type { Index, Slot } from "../base/index.ts";
import type { CommandSpec, NOT_RESIDENT, Reply } from "../command/index.ts";
import type { Entry } from "../raft/index.ts";
import type { RowNeed } from "../store/index.ts";
import type { AppliedState } from "./applied.ts";

/** Takes the replies of an entry, one for each command in the order of the entry. */
export interface ReplySink {
  reply(position: number, reply: Reply): void;
}

/** What a replica needs of the state it replicates: a shard's keys, or the cluster map. */
export interface StateMachine {
  readonly applied: AppliedState;
  /** Keys stored, by the state (not a scan). */
  readonly keys: number;
  /** Of them, those that end. */
  readonly expiringKeys: number;
  keysInSlot(slot: Slot): number;
  /** The slot of the key of this number, below `keys`, in the order of slots. */
  slotOfKey(number: number): Slot;
  /** Rows that the entry needs and that are not in memory. To be fetched and asked again until there are none: then `apply`. */
  missing(entry: Entry): RowNeed[];
  /** `missing` need not be asked again of the entry it was asked of last, as long as the space has no losses. */
  readonly missingNothingLasts: boolean;
  /** Instead of `missing`, for such an entry whose rows were all there: then `apply`. */
  nothingMissing(entry: Entry): void;
  /**
   * Of a key's value, by the state as it is; 0: there is none. A row that has ended counts until it is removed. Undefined: not
   * even its head is in memory.
   */
  lengthOf(slot: Slot, key: Uint8Array): number | undefined;
  /** Rows that a read needs and that are not in memory: asked right after it was tried. */
  missingForRead(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): RowNeed[];
  /** A normal entry. Throws SHERD_ENTRY_UNREADABLE when it cannot be decoded: the replica stops. */
  apply(entry: Entry, replies: ReplySink | undefined): void;
  /** A read at the state as it is. Rows that have ended by log time, or by `clockMs`, are not there. */
  read(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], clockMs: number): Reply | typeof NOT_RESIDENT;
  /**
   * The last read met a row that has ended by the clock and not by log time. Its reply must not be given before log time
   * has passed that moment: another leader, whose clock is behind, could show the row again.
   */
  readonly undecided: boolean;
  /** The reply of the last read is given, so what it looked for counts as found or missed. A read may be tried often. */
  countRead(): void;
  /** About what a read costs (command/work.ts), by the state as it is. Undefined: lengths of its values are not in memory. */
  workOfRead(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): number | undefined;
  /** Whether a read might have answered otherwise at an earlier index. */
  changedSince(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], since: Index): boolean;
  /** Puts the system rows that belong to exactly this state into the space. */
  freeze(): void;
}
