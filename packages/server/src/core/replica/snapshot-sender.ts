import {
  assert,
  type Index,
  mark,
  type ReplicaId,
  SNAPSHOT_ASK_TICKS,
  SNAPSHOT_SIGN_TICKS,
  SNAPSHOT_STALL_TICKS,
  SNAPSHOT_WINDOW_CHUNKS,
  SNAPSHOT_WORK_TICKS_MAX,
  type Term,
  index as toIndex,
} from "../base/index.ts";
import type { ConfState } from "../raft/index.ts";
import type { SnapshotReader } from "../store/index.ts";
import type { Replica } from "./replica.ts";
import type { SnapshotPins } from "./snapshot-pins.ts";
import { encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

export interface SnapshotPosition {
  readonly index: Index;
  readonly term: Term;
  readonly confState: ConfState;
}

/** `asking`: the peer has not said that it takes a snapshot. `provided`: it has all rows, and the core has the snapshot. */
type Phase = "asking" | "opening" | "reading" | "ended" | "provided" | "installed" | "failed";

/**
 * Sends one snapshot to one peer. The peer is asked first: opening a snapshot costs a flush of the whole node. Then the
 * rows go, as chunks; only when the peer has staged them all does the core get the snapshot and emit MsgSnapshot: a
 * follower that steps it resets its log at once, so its rows must be there.
 */
export class SnapshotSender {
  readonly peer: ReplicaId;
  readonly #id: number;
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #pins: SnapshotPins;
  /** The position at which the store was flushed with this applied index. */
  readonly #positionAt: (applied: Index) => SnapshotPosition | undefined;
  #phase: Phase = "asking";
  #reader: SnapshotReader | undefined;
  #position: SnapshotPosition | undefined;
  #sent = 0;
  #acknowledged = 0;
  #busy = false;
  #idleTicks = 0;
  #workTicks = 0;

  constructor(
    host: ReplicaHost,
    replica: Replica,
    peer: ReplicaId,
    pins: SnapshotPins,
    positionAt: (applied: Index) => SnapshotPosition | undefined,
  ) {
    this.#host = host;
    this.#replica = replica;
    this.peer = peer;
    this.#pins = pins;
    this.#positionAt = positionAt;
    this.#id = host.nextNumber();
    this.#send({ type: "ask", id: this.#id });
  }

  get installed(): boolean {
    return this.#phase === "installed";
  }

  get closed(): boolean {
    return this.installed || this.#phase === "failed";
  }

  receive(message: TransferMessage): void {
    if (message.id !== this.#id || this.closed) return;
    this.#idleTicks = 0;
    switch (message.type) {
      case "granted":
        if (this.#phase === "asking") this.#open();
        break;
      case "ack":
        this.#acknowledged = Math.max(this.#acknowledged, Math.min(message.chunks, this.#sent));
        this.#pump();
        break;
      case "staged":
        if (this.#phase === "ended") this.#provide();
        break;
      case "installed":
        this.#pins.installed(this.peer);
        this.#close(true);
        break;
      case "refused":
        this.#pins.drop(this.peer);
        this.#close(false);
        break;
      default:
        break;
    }
  }

  /** The core emitted MsgSnapshot for this peer. */
  install(message: Uint8Array): void {
    assert(this.#phase === "provided", "a snapshot is offered only when its rows have arrived");
    this.#send({ type: "install", id: this.#id, message });
  }

  /** A peer that has been silent for too long is given up; while its turn has not come, it is told that this side is there. */
  tick(): void {
    if (this.#worksHere) {
      this.#workTicks += 1;
      if (this.#workTicks >= SNAPSHOT_WORK_TICKS_MAX) this.giveUp();
      else if (this.#workTicks % SNAPSHOT_SIGN_TICKS === 0) this.#send({ type: "alive", id: this.#id });
      return;
    }
    this.#idleTicks += 1;
    if (this.#idleTicks < (this.#phase === "asking" ? SNAPSHOT_ASK_TICKS : SNAPSHOT_STALL_TICKS)) return;
    mark("snapshot: peer is silent");
    this.giveUp();
  }

  /** It waits for its own store: for the flush, or for rows. */
  get #worksHere(): boolean {
    return this.#phase === "opening" || (this.#phase === "reading" && this.#busy);
  }

  #workDone(): void {
    this.#workTicks = 0;
    this.#idleTicks = 0;
  }

  /** The peer is told, so that it can take another snapshot. */
  giveUp(): void {
    if (this.closed) return;
    this.#send({ type: "cancelled", id: this.#id });
    this.#pins.drop(this.peer);
    this.#close(false);
  }

  #open(): void {
    this.#phase = "opening";
    // Before the flush: the log may drop what it makes durable.
    this.#pins.hold(this.peer, toIndex(this.#replica.durable + 1));
    this.#host.store.openSnapshot(this.#replica.space, (reader) => {
      if (this.closed) return reader.close();
      this.#workDone();
      this.#reader = reader;
      this.#position = this.#positionAt(reader.applied);
      if (this.#position === undefined) return this.giveUp();
      const { group } = this.#replica;
      this.#host.env.log("info", "sending a snapshot", { group, peer: this.peer, index: reader.applied });
      this.#pins.hold(this.peer, toIndex(reader.applied + 1));
      this.#phase = "reading";
      this.#pump();
    });
  }

  #provide(): void {
    this.#phase = "provided";
    const { index, term, confState } = this.#position as SnapshotPosition;
    this.#host.raft.provideSnapshot(this.#replica.group, this.peer, index, term, confState);
    this.#host.wake(this.#replica);
  }

  #close(arrived: boolean): void {
    this.#phase = arrived ? "installed" : "failed";
    this.#reader?.close();
    // Always: without it the core waits for this peer's answer for ever.
    if (this.#replica.stopped === undefined) {
      this.#host.raft.reportSnapshot(this.#replica.group, this.peer, arrived);
      this.#host.wake(this.#replica);
    }
  }

  #pump(): void {
    if (this.#phase !== "reading" || this.#busy) return;
    if (this.#sent - this.#acknowledged >= SNAPSHOT_WINDOW_CHUNKS) return;
    this.#busy = true;
    (this.#reader as SnapshotReader).next((chunk) => {
      this.#busy = false;
      this.#workDone();
      if (this.closed) return;
      if (chunk === undefined) {
        this.#phase = "ended";
        this.#send({ type: "end", id: this.#id, chunks: this.#sent });
        return;
      }
      this.#send({ type: "chunk", id: this.#id, sequence: this.#sent, bytes: chunk });
      this.#sent += 1;
      this.#pump();
    });
  }

  #send(message: TransferMessage): void {
    this.#host.sendTransfer(this.#replica.group, this.peer, encodeTransfer(message));
  }
}
