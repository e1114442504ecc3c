/** One replica of one group as a node would drive it: a core, a disk that may be slow, a state machine that is a list. */
import { readFileSync } from "node:fs";
import {
  assert,
  type GroupId,
  groupId,
  type Index,
  index,
  type ReplicaId,
  replicaId,
  type Term,
  term,
  utf8,
} from "../../base/index.ts";
import {
  BOOTSTRAP,
  type ConfState,
  createRaftCore,
  type DropReason,
  type Entry,
  EntryKind,
  type HardState,
  type OutMessage,
  RAFT_CORE_OPTIONS,
  type RaftCore,
  type RaftCoreOptions,
  type RaftEvents,
  type Ready,
  type Role,
} from "../index.ts";
import { short } from "./message.ts";

export const GROUP: GroupId = groupId(1);
export const wasm: Uint8Array = readFileSync(new URL("../../../../wasm/raft-core.wasm", import.meta.url));

export interface Applied {
  readonly index: Index;
  readonly term: Term;
  readonly text: string;
}

/** What the state machine holds. Immutable: a snapshot is a reference. */
export interface MachineState {
  readonly position: { readonly index: Index; readonly term: Term };
  readonly confState: ConfState;
  readonly applied: readonly Applied[];
}

/** What survives a crash. */
export interface DiskState {
  hardState: HardState;
  truncated: { readonly index: Index; readonly term: Term };
  /** Behind `truncated`, without gaps. */
  entries: Entry[];
  machine: MachineState;
}

export const confStateOf = (voters: readonly number[], learners: readonly number[] = []): ConfState => ({
  voters: voters.map(replicaId),
  learners: learners.map(replicaId),
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
});

export function firstDisk(confState: ConfState): DiskState {
  const begins = confState.voters.length === 0 ? { index: index(0), term: term(0) } : BOOTSTRAP;
  return {
    hardState: { term: begins.term, vote: replicaId(0), commit: begins.index },
    truncated: begins,
    entries: [],
    machine: { position: begins, confState, applied: [] },
  };
}

/** What a replica tells the test. `send` is called in the order in which messages may leave. */
export interface Observer {
  send(from: Replica, message: OutMessage): void;
  note(replica: Replica, text: string): void;
}

const ROLES = ["follower", "candidate", "leader", "preCandidate"] as const;
const REASONS = ["not leader", "transferring", "full", "change pending", "unknown group", "invalid change"] as const;

export class Replica implements RaftEvents {
  readonly id: ReplicaId;
  readonly disk: DiskState;
  readonly core: RaftCore;
  readonly #observer: Observer;
  /** Writes under way, oldest first: durable only once `sync` reaches them. */
  readonly writes: Ready[] = [];
  /** Snapshots that peers announced, staged until their Ready comes. */
  readonly staged: Map<Index, MachineState> = new Map<Index, MachineState>();
  /** Snapshots given to the core, to travel with its message. */
  readonly offered: Map<Index, MachineState> = new Map<Index, MachineState>();
  machine: MachineState;
  role: Role = 0;
  leader: ReplicaId = replicaId(0);
  term: Term;
  commit: Index;
  /** True: writes are durable as soon as they are handed over. */
  diskIsFast = true;
  /** False: snapshots and old entries that the core asks for are left to the test. */
  helps = true;

  constructor(
    id: ReplicaId,
    disk: DiskState,
    observer: Observer,
    random: () => number,
    options?: Partial<RaftCoreOptions>,
  ) {
    this.id = id;
    this.disk = disk;
    this.machine = disk.machine;
    this.term = disk.hardState.term;
    this.commit = disk.hardState.commit;
    this.#observer = observer;
    this.core = createRaftCore(
      wasm,
      { ...RAFT_CORE_OPTIONS, ...options },
      {
        random,
        log: (level, text) => observer.note(this, `${level}: ${text}`),
      },
    );
    this.#open();
  }

  #open(): void {
    const { disk } = this;
    const last = disk.truncated.index + disk.entries.length;
    const runs: { first: Index; term: Term }[] = [];
    for (const entry of disk.entries) {
      if (runs.at(-1)?.term !== entry.term) runs.push({ first: entry.index, term: entry.term });
    }
    const applied = disk.machine.position.index;
    this.core.open({
      group: GROUP,
      replica: this.id,
      hardState: { ...disk.hardState, commit: index(Math.max(disk.hardState.commit, applied)) },
      confState: disk.machine.confState,
      applied,
      truncated: disk.truncated,
      termRuns: runs,
      last: index(last),
      entries: disk.entries.filter((entry) => entry.index > applied),
    });
  }

  get last(): Index {
    return index(this.disk.truncated.index + this.disk.entries.length);
  }

  /** Runs the core until it has nothing more to say. */
  run(): void {
    let more = true;
    while (more) {
      more = this.core.exec(this);
      while (this.diskIsFast ? this.writes.length > 0 : this.writes[0]?.mustSync === false) {
        this.sync(1);
        more = true;
      }
    }
  }

  /** Ends the oldest `count` writes. True if there was one. */
  sync(count: number = this.writes.length): boolean {
    const done = this.writes.splice(0, count);
    for (const ready of done) this.#write(ready);
    for (const ready of done) {
      this.core.persisted(GROUP, ready.number);
      for (const message of ready.messagesAfterPersist) this.#observer.send(this, message);
    }
    return done.length > 0;
  }

  /** The machine's state becomes durable, as a flush of the store does. */
  flush(): void {
    this.disk.machine = this.machine;
  }

  /** Drops the log up to here. */
  truncate(to: Index): void {
    const { disk } = this;
    assert(to <= disk.machine.position.index, "only what is flushed may be dropped");
    const dropped = disk.entries.filter((entry) => entry.index <= to);
    const last = dropped.at(-1);
    if (last === undefined) return;
    disk.truncated = { index: last.index, term: last.term };
    disk.entries = disk.entries.slice(dropped.length);
    this.core.truncated(GROUP, to);
  }

  #write(ready: Ready): void {
    const { disk } = this;
    if (ready.snapshot !== undefined) {
      const state = this.staged.get(ready.snapshot.index);
      assert(state !== undefined, "a snapshot that is installed was staged");
      disk.machine = state;
      disk.truncated = { index: ready.snapshot.index, term: ready.snapshot.term };
      disk.entries = [];
      this.machine = state;
    }
    const first = ready.entries[0];
    if (first !== undefined) {
      disk.entries = disk.entries.filter((entry) => entry.index < first.index);
      assert(this.last + 1 === first.index, "the log has no gap");
      disk.entries.push(...ready.entries);
    }
    if (ready.hardState !== undefined) disk.hardState = ready.hardState;
  }

  #apply(entry: Entry): void {
    const { machine } = this;
    assert(entry.index === machine.position.index + 1, "entries are applied in order, once");
    const position = { index: entry.index, term: entry.term };
    const applied =
      entry.kind === EntryKind.normal && entry.data.length > 0
        ? [...machine.applied, { ...position, text: utf8(entry.data) }]
        : machine.applied;
    this.machine = { ...machine, position, applied };
    if (entry.kind !== EntryKind.normal) this.core.applyConfChange(GROUP, entry);
    this.core.applied(GROUP, entry.index);
  }

  onCommitted(_group: GroupId, entries: readonly Entry[]): void {
    for (const entry of entries) this.#apply(entry);
    this.#observer.note(this, `commits ${entries.map(describeEntry).join(", ")}`);
  }

  onConfState(_group: GroupId, confState: ConfState): void {
    this.machine = { ...this.machine, confState };
    this.#observer.note(this, `members ${describeConfState(confState)}`);
  }

  onReady(ready: Ready): void {
    if (ready.hardState !== undefined) this.commit = ready.hardState.commit;
    this.writes.push(ready);
    if (!ready.mustSync) return;
    const parts: string[] = [];
    if (ready.hardState !== undefined) parts.push(`term ${ready.hardState.term} vote ${ready.hardState.vote}`);
    if (ready.snapshot !== undefined) parts.push(`snapshot at ${ready.snapshot.index}`);
    if (ready.entries.length > 0) parts.push(ready.entries.map(describeEntry).join(", "));
    this.#observer.note(this, `writes ${parts.join("; ")}`);
  }

  onMessage(_group: GroupId, message: OutMessage): void {
    this.#observer.send(this, message);
  }

  onProposed(_group: GroupId, ticket: number, at: Term, place: Index): void {
    this.#observer.note(this, `proposal ${ticket} at ${place} (term ${at})`);
  }

  onDropped(_group: GroupId, ticket: number, reason: DropReason): void {
    this.#observer.note(this, `proposal ${ticket} dropped: ${REASONS[reason]}`);
  }

  onReadReady(_group: GroupId, context: number, place: Index): void {
    this.#observer.note(this, `read ${context} at ${place}`);
  }

  onReadDropped(_group: GroupId, context: number, reason: DropReason): void {
    this.#observer.note(this, `read ${context} dropped: ${REASONS[reason]}`);
  }

  onRole(_group: GroupId, role: Role, leader: ReplicaId, at: Term): void {
    this.role = role;
    this.leader = leader;
    this.term = at;
    this.#observer.note(this, `is ${ROLES[role]}, term ${at}, leader ${leader === 0 ? "unknown" : leader}`);
  }

  onEntriesWanted(_group: GroupId, peer: ReplicaId, from: Index, to: Index): void {
    this.#observer.note(this, `wants entries ${from} to ${to - 1} for ${peer}`);
    if (this.helps) this.provideEntries(peer, from, to);
  }

  provideEntries(peer: ReplicaId, from: Index, to: Index): void {
    const wanted = this.disk.entries.filter((entry) => entry.index >= from && entry.index < to);
    this.core.provideEntries(GROUP, peer, wanted[0]?.index === from ? wanted : []);
  }

  onSnapshotWanted(_group: GroupId, peer: ReplicaId, atLeast: Index): void {
    this.#observer.note(this, `wants a snapshot at ${atLeast} or later for ${peer}`);
    if (this.helps) this.provideSnapshot(peer);
  }

  provideSnapshot(peer: ReplicaId): void {
    const { position, confState } = this.machine;
    this.offered.set(position.index, this.machine);
    this.core.provideSnapshot(GROUP, peer, position.index, position.term, confState);
  }
}

export function describeEntry(entry: Entry): string {
  if (entry.kind !== EntryKind.normal) return `${entry.index} change`;
  return entry.data.length === 0 ? `${entry.index} empty` : `${entry.index} "${short(entry.data)}"`;
}

export function describeConfState(state: ConfState): string {
  const parts = [`voters ${state.voters.join(" ")}`];
  if (state.votersOutgoing.length > 0) parts.push(`outgoing ${state.votersOutgoing.join(" ")}`);
  if (state.learners.length > 0) parts.push(`learners ${state.learners.join(" ")}`);
  if (state.learnersNext.length > 0) parts.push(`learners next ${state.learnersNext.join(" ")}`);
  if (state.autoLeave) parts.push("leaves by itself");
  return parts.join(", ");
}
