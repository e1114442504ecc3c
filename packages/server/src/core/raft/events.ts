/** Reads what `packages/raft-core/src/output.rs` wrote: docs/formats/raft-core.md. */
import { assert, EMPTY_BYTES, type GroupId, type Index, type ReplicaId, type Term } from "../base/index.ts";
import type { CoreOutput } from "./instance.ts";
import type { ConfState, DropReason, Entry, EntryKind, OutMessage, PeerProgress, RaftEvents, Role } from "./types.ts";

const EventKind = {
  proposed: 1,
  dropped: 2,
  message: 3,
  ready: 4,
  committed: 5,
  readReady: 6,
  readDropped: 7,
  role: 8,
  entriesWanted: 9,
  snapshotWanted: 10,
  confState: 11,
} as const;

const ReadyFlag = { hardState: 1, snapshot: 2, mustSync: 4 } as const;

const TWO_32 = 0x1_0000_0000;
const NO_ENTRIES: readonly Entry[] = [];
const NO_MESSAGES: readonly OutMessage[] = [];
const PROGRESS_STATES = ["probe", "replicate", "snapshot"] as const;

/** What stands before the events. */
export interface ExecHeader {
  readonly more: boolean;
  readonly messagesMalformed: number;
  readonly messagesOverBudget: number;
  readonly heldBytes: number;
}

/** One pass over one output at a time. The bytes it hands out are views of it. */
export class EventReader {
  #bytes: Uint8Array = EMPTY_BYTES;
  #view: DataView = new DataView(EMPTY_BYTES.buffer);
  #at = 0;
  #end = 0;

  begin(output: CoreOutput): void {
    this.#bytes = output.bytes;
    this.#view = output.view;
    this.#at = output.from;
    this.#end = output.to;
  }

  header(): ExecHeader {
    return {
      more: this.#u32() !== 0,
      messagesMalformed: this.#u32(),
      messagesOverBudget: this.#u32(),
      heldBytes: this.#u32(),
    };
  }

  deliver(events: RaftEvents): void {
    while (this.#at < this.#end) {
      const kind = this.#u8();
      const group = this.#u32() as GroupId;
      if (!this.#deliverTraffic(kind, group, events)) this.#deliverState(kind, group, events);
    }
  }

  /** The events of every pass. */
  #deliverTraffic(kind: number, group: GroupId, events: RaftEvents): boolean {
    switch (kind) {
      case EventKind.proposed:
        events.onProposed(group, this.#u64(), this.#u64() as Term, this.#u64() as Index);
        return true;
      case EventKind.message:
        events.onMessage(group, this.#message());
        return true;
      case EventKind.ready:
        this.#ready(group, events);
        return true;
      case EventKind.committed:
        events.onCommitted(group, this.#entries());
        return true;
      case EventKind.readReady:
        events.onReadReady(group, this.#u64(), this.#u64() as Index);
        return true;
      default:
        return false;
    }
  }

  /** The events of a change. */
  #deliverState(kind: number, group: GroupId, events: RaftEvents): void {
    switch (kind) {
      case EventKind.dropped:
        events.onDropped(group, this.#u64(), this.#u8() as DropReason);
        return;
      case EventKind.readDropped:
        events.onReadDropped(group, this.#u64(), this.#u8() as DropReason);
        return;
      case EventKind.role:
        events.onRole(group, this.#u8() as Role, this.#u64() as ReplicaId, this.#u64() as Term);
        return;
      case EventKind.entriesWanted:
        events.onEntriesWanted(
          group,
          this.#u64() as ReplicaId,
          this.#u64() as Index,
          this.#u64() as Index,
          this.#u64(),
        );
        return;
      case EventKind.snapshotWanted:
        events.onSnapshotWanted(group, this.#u64() as ReplicaId, this.#u64() as Index);
        return;
      case EventKind.confState:
        events.onConfState(group, this.#confState());
        return;
      default:
        assert(false, `event ${kind} of the Raft core is known`);
    }
  }

  progress(): PeerProgress[] {
    const peers: PeerProgress[] = [];
    while (this.#at < this.#end) {
      const peer = this.#u64() as ReplicaId;
      const matched = this.#u64() as Index;
      const next = this.#u64() as Index;
      const recentActive = this.#u8() !== 0;
      const state = PROGRESS_STATES[this.#u8()];
      assert(state !== undefined, "a peer's progress has a known state");
      peers.push({ peer, matched, next, recentActive, state });
    }
    return peers;
  }

  #ready(group: GroupId, events: RaftEvents): void {
    const number = this.#u64();
    const flags = this.#u8();
    const hardState =
      (flags & ReadyFlag.hardState) === 0
        ? undefined
        : { term: this.#u64() as Term, vote: this.#u64() as ReplicaId, commit: this.#u64() as Index };
    const snapshot =
      (flags & ReadyFlag.snapshot) === 0
        ? undefined
        : { index: this.#u64() as Index, term: this.#u64() as Term, confState: this.#confState() };
    const entries = this.#entries();
    const mustSync = (flags & ReadyFlag.mustSync) !== 0;
    events.onReady({ group, number, hardState, entries, snapshot, mustSync, messagesAfterPersist: this.#messages() });
  }

  #messages(): readonly OutMessage[] {
    const count = this.#u32();
    if (count === 0) return NO_MESSAGES;
    const messages: OutMessage[] = [];
    for (let i = 0; i < count; i += 1) messages.push(this.#message());
    return messages;
  }

  #message(): OutMessage {
    return { to: this.#u64() as ReplicaId, type: this.#u8(), bytes: this.#block() };
  }

  #entries(): readonly Entry[] {
    const count = this.#u32();
    if (count === 0) return NO_ENTRIES;
    const entries: Entry[] = [];
    for (let i = 0; i < count; i += 1) {
      entries.push({
        index: this.#u64() as Index,
        term: this.#u64() as Term,
        kind: this.#u8() as EntryKind,
        data: this.#block(),
      });
    }
    return entries;
  }

  #confState(): ConfState {
    return {
      voters: this.#ids(),
      learners: this.#ids(),
      votersOutgoing: this.#ids(),
      learnersNext: this.#ids(),
      autoLeave: this.#u8() !== 0,
    };
  }

  #ids(): ReplicaId[] {
    const count = this.#u32();
    const ids: ReplicaId[] = [];
    for (let i = 0; i < count; i += 1) ids.push(this.#u64() as ReplicaId);
    return ids;
  }

  #u8(): number {
    const at = this.#at;
    this.#at = at + 1;
    return this.#view.getUint8(at);
  }

  #u32(): number {
    const at = this.#at;
    this.#at = at + 4;
    return this.#view.getUint32(at, true);
  }

  #u64(): number {
    const at = this.#at;
    this.#at = at + 8;
    const high = this.#view.getUint32(at + 4, true);
    assert(high < 0x20_0000, "what the Raft core counts stays a safe integer");
    return high * TWO_32 + this.#view.getUint32(at, true);
  }

  #block(): Uint8Array {
    const length = this.#u32();
    const at = this.#at;
    this.#at = at + length;
    return this.#bytes.subarray(at, at + length);
  }
}
