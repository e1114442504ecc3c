/** Writes what `packages/raft-core/src/node.rs` reads: docs/formats/raft-core.md. */
import { assert, ByteWriter, type GroupId, type Index, type ReplicaId, type Term } from "../base/index.ts";
import { EventReader, type ExecHeader } from "./events.ts";
import type { CoreInstance } from "./instance.ts";
import type { ConfState, Entry, GroupStart, PeerProgress, RaftCore, RaftCounters, RaftEvents } from "./types.ts";

const Command = {
  open: 1,
  close: 2,
  tick: 3,
  propose: 4,
  proposeConfChange: 5,
  readIndex: 6,
  step: 7,
  persisted: 8,
  applied: 9,
  applyConfChange: 10,
  truncated: 11,
  transferLeader: 12,
  forgetLeader: 13,
  campaign: 14,
  reportUnreachable: 15,
  reportSnapshot: 16,
  provideEntries: 17,
  provideSnapshot: 18,
  stepSnapshot: 19,
} as const;

/** A command buffer that one huge pass has made larger is given up after it. */
const COMMAND_BYTES_KEPT = 1024 * 1024;
const COMMAND_BYTES_INITIAL = 64 * 1024;

export class WasmRaftCore implements RaftCore {
  readonly #instance: CoreInstance;
  readonly #reader = new EventReader();
  #commands = new ByteWriter(COMMAND_BYTES_INITIAL);
  #running = false;
  /** A command other than `applied` was queued since the last exec began. */
  #waiting = false;
  #header: ExecHeader = { more: false, messagesMalformed: 0, messagesOverBudget: 0, heldBytes: 0 };

  constructor(instance: CoreInstance) {
    this.#instance = instance;
  }

  get memoryBytes(): number {
    return this.#instance.memoryBytes;
  }

  get counters(): RaftCounters {
    return this.#header;
  }

  open(start: GroupStart): void {
    const out = this.#command(Command.open, start.group);
    out.u64(start.replica);
    out.u64(start.hardState.term);
    out.u64(start.hardState.vote);
    out.u64(start.hardState.commit);
    writeConfState(out, start.confState);
    out.u64(start.applied);
    out.u64(start.truncated.index);
    out.u64(start.truncated.term);
    out.u32(start.termRuns.length);
    for (const run of start.termRuns) {
      out.u64(run.first);
      out.u64(run.term);
    }
    out.u64(start.last);
    writeEntries(out, start.entries);
  }

  close(group: GroupId): void {
    this.#command(Command.close, group);
  }

  tick(group: GroupId): void {
    this.#command(Command.tick, group);
  }

  propose(group: GroupId, ticket: number, data: Uint8Array): void {
    // raft-rs does not count an empty entry against its limits, and leaders use it as their first of a term.
    assert(data.length > 0, "a proposal holds something");
    const out = this.#command(Command.propose, group);
    out.u64(ticket);
    out.block(data);
  }

  proposeConfChange(group: GroupId, ticket: number, change: Uint8Array): void {
    const out = this.#command(Command.proposeConfChange, group);
    out.u64(ticket);
    out.block(change);
  }

  readIndex(group: GroupId, context: number): void {
    this.#command(Command.readIndex, group).u64(context);
  }

  step(group: GroupId, message: Uint8Array): void {
    this.#command(Command.step, group).block(message);
  }

  stepSnapshot(group: GroupId, staged: Index, message: Uint8Array): void {
    const out = this.#command(Command.stepSnapshot, group);
    out.u64(staged);
    out.block(message);
  }

  persisted(group: GroupId, readyNumber: number): void {
    this.#command(Command.persisted, group).u64(readyNumber);
  }

  applied(group: GroupId, index: Index): void {
    this.#command(Command.applied, group).u64(index);
  }

  applyConfChange(group: GroupId, entry: Entry): void {
    writeEntry(this.#command(Command.applyConfChange, group), entry);
  }

  truncated(group: GroupId, index: Index): void {
    this.#command(Command.truncated, group).u64(index);
  }

  transferLeader(group: GroupId, to: ReplicaId): void {
    this.#command(Command.transferLeader, group).u64(to);
  }

  forgetLeader(group: GroupId): void {
    this.#command(Command.forgetLeader, group);
  }

  campaign(group: GroupId): void {
    this.#command(Command.campaign, group);
  }

  reportUnreachable(group: GroupId, peer: ReplicaId): void {
    this.#command(Command.reportUnreachable, group).u64(peer);
  }

  reportSnapshot(group: GroupId, peer: ReplicaId, arrived: boolean): void {
    const out = this.#command(Command.reportSnapshot, group);
    out.u64(peer);
    out.u8(arrived ? 1 : 0);
  }

  provideEntries(group: GroupId, peer: ReplicaId, entries: readonly Entry[]): void {
    const out = this.#command(Command.provideEntries, group);
    out.u64(peer);
    writeEntries(out, entries);
  }

  provideSnapshot(group: GroupId, peer: ReplicaId, index: Index, term: Term, confState: ConfState): void {
    assert(index > 0 && term > 0, "a snapshot stands behind at least one entry");
    const out = this.#command(Command.provideSnapshot, group);
    out.u64(peer);
    out.u64(index);
    out.u64(term);
    writeConfState(out, confState);
  }

  exec(events: RaftEvents): boolean {
    assert(!this.#running, "exec is not nested, and not called again after it failed");
    this.#running = true;
    this.#waiting = false;
    const reader = this.#reader;
    reader.begin(this.#instance.exec(this.#commands.view()));
    if (this.#commands.length > COMMAND_BYTES_KEPT) this.#commands = new ByteWriter(COMMAND_BYTES_INITIAL);
    else this.#commands.reset();
    this.#header = reader.header();
    reader.deliver(events);
    this.#running = false;
    return this.#header.more || this.#waiting;
  }

  progress(group: GroupId): PeerProgress[] {
    // A reader of its own: events may ask for it.
    const reader = new EventReader();
    reader.begin(this.#instance.progress(group));
    return reader.progress();
  }

  #command(kind: number, group: GroupId): ByteWriter {
    if (kind !== Command.applied) this.#waiting = true;
    const out = this.#commands;
    out.u8(kind);
    out.u32(group);
    return out;
  }
}

function writeConfState(out: ByteWriter, state: ConfState): void {
  for (const ids of [state.voters, state.learners, state.votersOutgoing, state.learnersNext]) {
    out.u32(ids.length);
    for (const id of ids) out.u64(id);
  }
  out.u8(state.autoLeave ? 1 : 0);
}

function writeEntries(out: ByteWriter, entries: readonly Entry[]): void {
  out.u32(entries.length);
  for (const entry of entries) writeEntry(out, entry);
}

function writeEntry(out: ByteWriter, entry: Entry): void {
  out.u64(entry.index);
  out.u64(entry.term);
  out.u8(entry.kind);
  out.block(entry.data);
}
