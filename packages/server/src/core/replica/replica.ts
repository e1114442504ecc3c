import {
  APPLY_PASS_MS,
  type GroupId,
  type Index,
  mark,
  NO_REPLICA,
  REPLICA_PENDING_BYTES_MAX,
  REPLICA_PENDING_COMMANDS_MAX,
  REPLICA_PENDING_READS_MAX,
  REQUEST_MS_MAX,
  type ReplicaId,
  SherdError,
  type Term,
  index as toIndex,
  term as toTerm,
} from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import type { StateMachine } from "../machine/index.ts";
import { type ConfState, DropReason, type Entry, EntryKind, type Ready, Role } from "../raft/index.ts";
import type { Space, SpaceOwner } from "../store/index.ts";
import { ActiveExpiry } from "./active-expiry.ts";
import { ApplyQueue } from "./apply-queue.ts";
import type { Batch } from "./batches.ts";
import { Proposals } from "./proposals.ts";
import { ReadServing } from "./read-serving.ts";
import { ReadQueue } from "./reads.ts";
import { SnapshotTransfers } from "./snapshots.ts";
import type { ReplicaHost, Request } from "./types.ts";

const READ_TIMEOUT: Reply = { type: "error", kind: "CLUSTERDOWN", text: "The read could not be confirmed in time" };

export class Replica implements SpaceOwner {
  readonly group: GroupId;
  readonly id: ReplicaId;
  role: Role = Role.follower;
  leader: ReplicaId = NO_REPLICA;
  term: Term = toTerm(0);
  /** How often a leader other than the one before became known. */
  leaderChanges = 0;
  /** A term has begun in which no leader is known yet: some replica asks for votes, perhaps because it was told to lead. */
  electing = false;
  /** Set when the replica has stopped: damaged, or an entry could not be decoded. Other replicas of the node go on. */
  stopped: SherdError | undefined;
  /** The highest index that all members are known to hold; entries above it are kept for the slower ones. */
  heldByAll: Index = toIndex(0);
  #lastLeader: ReplicaId = NO_REPLICA;
  readonly #host: ReplicaHost;
  #space: Space;
  #machine: StateMachine;
  #applies: ApplyQueue;
  readonly #proposals: Proposals = new Proposals((slot, key) =>
    // Before it has applied an entry of its own term, those of its predecessors may be about to change any value.
    this.#machine.applied.term === this.term ? this.#machine.lengthOf(slot, key) : undefined,
  );
  readonly #reads: ReadQueue = new ReadQueue();
  readonly #serving: ReadServing;
  readonly #expiry: ActiveExpiry;
  /** Log time of the state that a running flush carries. */
  #frozenLogTimeMs = 0;
  readonly #transfers: SnapshotTransfers;
  #durable: Index;
  /** A membership change that the core is about to put in force; nothing behind it is applied before it has. */
  #confChange: Entry | undefined;
  /** The core refused for want of room, or a transfer of leadership runs: nothing is proposed before the next tick. */
  #holdUntilTick = false;

  constructor(host: ReplicaHost, space: Space) {
    this.#host = host;
    this.group = space.group;
    this.id = space.replica;
    this.#space = space;
    this.#machine = host.makeMachine(space);
    this.#durable = this.#machine.applied.index;
    this.#applies = new ApplyQueue(space, this.#machine, () => host.wake(this));
    this.#transfers = new SnapshotTransfers(host, this);
    this.#serving = new ReadServing(host, this);
    this.#expiry = new ActiveExpiry(host, this);
    // A replica that applies nothing is never flushed, and may be the one that a peer needs before anything is.
    this.#transfers.frozen(this.#machine.applied);
    space.setOwner(this);
  }

  get machine(): StateMachine {
    return this.#machine;
  }

  get space(): Space {
    return this.#space;
  }

  get applied(): Index {
    return this.#machine.applied.index;
  }

  /** What the store has durably flushed. */
  get durable(): Index {
    return this.#durable;
  }

  get leads(): boolean {
    return this.role === Role.leader && this.stopped === undefined;
  }

  /** Whether a request may be submitted now; otherwise it waits in the router. */
  get accepts(): boolean {
    return (
      this.leads &&
      !this.#holdUntilTick &&
      this.#proposals.commands < REPLICA_PENDING_COMMANDS_MAX &&
      this.#proposals.bytes < REPLICA_PENDING_BYTES_MAX &&
      this.#reads.open + this.#serving.open < REPLICA_PENDING_READS_MAX
    );
  }

  /** Writes that it proposed while it led and whose outcome is not known: none that came later may overtake them. */
  get unsettled(): boolean {
    return this.#proposals.unsettled;
  }

  get transfers(): SnapshotTransfers {
    return this.#transfers;
  }

  // --- requests

  submitWrite(request: Request, args: readonly Uint8Array[]): void {
    const env = this.#host.env;
    this.#proposals.add(request, args, env.monotonicMs(), Math.max(0, Math.floor(env.wallMs())));
    this.#host.wake(this);
  }

  submitRead(request: Request, args: readonly Uint8Array[], bornMs: number): void {
    this.#reads.add(request, args, bornMs);
    this.#host.wake(this);
  }

  /** A read of the state as it is here, however old. */
  readStale(request: Request, args: readonly Uint8Array[], bornMs: number): void {
    this.#serving.serve([{ request, args, bornMs }], true);
  }

  /** Once a pass: what waits becomes proposals and a read round. */
  feed(): void {
    if (!this.leads) return;
    const host = this.#host;
    if (this.#mayPropose()) this.#propose();
    else if (host.store.full) mark("store: memtable full");
    for (;;) {
      const context = this.#reads.begin(() => host.nextNumber(), host.env.monotonicMs());
      if (context === undefined) break;
      host.raft.readIndex(this.group, context);
    }
  }

  #propose(): void {
    const { env, raft } = this.#host;
    const ticket = this.#host.nextNumber();
    raft.propose(this.group, ticket, this.#proposals.next(ticket, Math.max(0, Math.floor(env.wallMs()))));
  }

  /** Something waits that `feed` could hand to the core now. */
  get wantsFeed(): boolean {
    return this.leads && (this.#mayPropose() || this.#reads.mayBegin);
  }

  #mayPropose(): boolean {
    return !this.#holdUntilTick && !this.#host.store.full && this.#proposals.isNextDue(this.term);
  }

  // --- events of the core

  onProposed(ticket: number, term: Term, index: Index): void {
    this.#proposals.placed(ticket, term, index);
    if (this.leads && this.#mayPropose()) this.#propose();
  }

  onDropped(ticket: number, reason: DropReason): void {
    if (reason === DropReason.full) mark("replica: proposal refused for want of room");
    if (reason === DropReason.full || reason === DropReason.transferring) this.#holdUntilTick = true;
    this.#host.reroute(this.group, this.#proposals.dropped(ticket));
  }

  onReadReady(context: number, index: Index): void {
    this.#reads.confirm(context, index);
    this.#host.wake(this);
  }

  onReadDropped(context: number): void {
    mark("replica: read round dropped");
    this.#host.reroute(this.group, [...this.#reads.drop(context)]);
  }

  onRole(role: Role, leader: ReplicaId, term: Term): void {
    // What was gathered in one term was weighed by what was known in it.
    const lost = this.role === Role.leader && (role !== Role.leader || term !== this.term);
    this.electing = leader === NO_REPLICA && (this.electing || term > this.term);
    if (leader !== NO_REPLICA && leader !== this.#lastLeader) {
      if (this.#lastLeader !== NO_REPLICA) this.leaderChanges += 1;
      this.#lastLeader = leader;
    }
    this.role = role;
    this.leader = leader;
    this.term = term;
    if (lost) this.#giveUpLeadership();
    this.#host.roleChanged(this);
    this.#host.wake(this);
  }

  /** What was not proposed had no effect. What was proposed may still be committed by the next leader. */
  #giveUpLeadership(): void {
    // While the core has yet to answer for a batch, those behind it wait for that, or they might overtake it.
    const writes = this.#proposals.awaitsCore ? [] : this.#proposals.takeUnproposed();
    // Those that are confirmed could be served here, but by then the new leader may have answered what came after them.
    const items = writes.concat(this.#serving.takeLinearizable(), this.#reads.takeAll());
    this.#transfers.stopSending();
    this.#expiry.leadershipLost();
    this.#host.reroute(this.group, items);
  }

  onCommitted(entries: readonly Entry[]): void {
    this.#applies.push(entries);
    this.#host.wake(this);
  }

  onReady(ready: Ready): void {
    for (const entry of ready.entries) this.#applies.prefetch(entry);
  }

  /** MsgSnapshot leaves only when its rows have arrived; see `snapshots.ts`. */
  onSnapshotWanted(peer: ReplicaId, _atLeast: Index): void {
    this.#transfers.send(peer);
  }

  // --- applying

  /**
   * Applies what can be applied, answers writes, serves reads. Called in the pass, after the messages left. True: it has
   * used its time, and has not applied all.
   */
  work(): boolean {
    if (this.stopped !== undefined) return false;
    let usedUp = false;
    const before = this.applied;
    const othersWait = !this.leads && this.unsettled;
    // A pass with one entry, as most are, needs no clock.
    const untilMs = this.#applies.length > 1 ? this.#host.env.monotonicMs() + APPLY_PASS_MS : Number.POSITIVE_INFINITY;
    try {
      while (this.#confChange === undefined) {
        // What an entry writes can be much more than its bytes: a few of APPEND are a whole value. A flush, whose end wakes
        // this replica, begins long before that.
        if (this.#host.store.full && this.#applies.length > 0) {
          mark("replica: applying waits for a flush");
          break;
        }
        const entry = this.#applies.next();
        if (entry === undefined) break;
        this.#apply(entry);
        if (this.#applies.length === 0) continue;
        // Entries can be a lot of work; heartbeats, and everybody else on the node, have their turn in between.
        if (this.#host.env.monotonicMs() < untilMs) continue;
        this.#host.wake(this);
        usedUp = true;
        break;
      }
    } catch (error) {
      if (!(error instanceof SherdError)) throw error;
      this.stop(error);
      return false;
    }
    if (this.applied > before) this.#host.raft.applied(this.group, this.applied);
    if (othersWait && !this.unsettled) this.#host.settled(this);
    const reads = this.#reads.takeServable(this.applied);
    if (reads !== undefined) this.#serving.serve(reads, false);
    this.#serving.resume();
    return usedUp;
  }

  #apply(entry: Entry): void {
    const batch = this.#batchAt(entry);
    if (entry.kind !== EntryKind.normal) {
      // Index and membership change in one step, or a crash between them would repeat or miss the change.
      this.#confChange = entry;
      this.#host.raft.applyConfChange(this.group, entry);
      this.#host.wake(this);
      return;
    }
    if (entry.data.length > 0) this.#machine.apply(entry, batch);
    else this.#machine.applied.advance(entry.index, entry.term);
    this.#applied(entry);
  }

  #applied(entry: Entry): void {
    this.#applies.applied(entry.index);
    this.#space.applied(entry.index);
    this.#proposals.applied();
  }

  #batchAt(entry: Entry): Batch | undefined {
    const { own, lost } = this.#proposals.at(entry);
    if (lost.length > 0) mark("replica: lost batch taken back");
    if (lost.length > 0) this.#host.reroute(this.group, lost);
    return own;
  }

  onConfState(confState: ConfState): void {
    const entry = this.#confChange;
    if (entry === undefined) return;
    this.#confChange = undefined;
    this.#machine.applied.confState = confState;
    this.#machine.applied.advance(entry.index, entry.term);
    this.#applied(entry);
    this.#host.raft.applied(this.group, entry.index);
    this.#host.wake(this);
  }

  // --- flushing, compaction, damage

  onFreeze(): void {
    this.#machine.freeze();
    this.#frozenLogTimeMs = this.#machine.applied.logTimeMs;
    this.#transfers.frozen(this.#machine.applied);
  }

  onDurable(applied: Index): void {
    this.#durable = applied;
    this.#expiry.flushed(this.#frozenLogTimeMs);
    this.release();
    if (this.#applies.length > 0) this.#host.wake(this);
  }

  /** Tells the log what it may drop: nothing the store has not durably flushed. (Transfers pin what they need.) */
  release(): void {
    if (this.stopped !== undefined) return;
    const wanted = toIndex(Math.min(this.heldByAll, this.#durable) + 1);
    this.#host.log.release(this.group, this.#durable, wanted);
  }

  onDamaged(error: SherdError): void {
    this.stop(error);
  }

  /** This replica serves no more; the node's others do. */
  stop(error: SherdError): void {
    if (this.stopped !== undefined) return;
    this.stopped = error;
    this.#host.env.log("error", "replica stopped", { group: this.group, code: error.code, detail: error.message });
    this.role = Role.follower;
    this.leader = NO_REPLICA;
    this.#host.raft.close(this.group);
    this.#applies.close();
    this.#transfers.close();
    this.#expiry.leadershipLost();
    const items = this.#proposals.takeUnproposed().concat(this.#serving.takeAll(), this.#reads.takeAll());
    this.#proposals.fail();
    this.#host.roleChanged(this);
    this.#host.reroute(this.group, items);
  }

  // --- snapshots arriving

  /** The rows of a snapshot have been switched in: everything here now stands at its position. */
  replaceSpace(space: Space): void {
    this.#applies.close();
    this.#confChange = undefined;
    if (this.#proposals.outstanding > 0) mark("replica: outcome lost with a snapshot");
    this.#proposals.fail();
    this.#space = space;
    this.#machine = this.#host.makeMachine(space);
    this.#durable = this.#machine.applied.index;
    this.#applies = new ApplyQueue(space, this.#machine, () => this.#host.wake(this));
    this.#transfers.frozen(this.#machine.applied);
    space.setOwner(this);
  }

  // --- time

  tick(nowMs: number): void {
    if (this.stopped !== undefined) return;
    this.#holdUntilTick = false;
    this.#transfers.tick();
    this.#expiry.tick(nowMs);
    const limit = nowMs - REQUEST_MS_MAX;
    this.#proposals.expire(limit);
    for (const read of this.#reads.takeOlder(limit)) read.request.complete(READ_TIMEOUT);
    // The flush that made room may have been one of other groups alone.
    if (!this.#proposals.empty || !this.#reads.idle || this.#applies.length > 0) this.#host.wake(this);
  }
}
