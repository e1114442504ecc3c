import {
  assert,
  type Index,
  type ReplicaId,
  SNAPSHOT_STALL_TICKS,
  SNAPSHOT_WINDOW_CHUNKS,
  type Term,
} from "../base/index.ts";
import type { ConfState } from "../raft/index.ts";
import type { SnapshotReader } from "../store/index.ts";
import type { Replica } from "./replica.ts";
import { encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

export interface SnapshotPosition {
  readonly index: Index;
  readonly term: Term;
  readonly confState: ConfState;
}

/**
 * Sends one snapshot to one peer. The rows go first, as chunks; only when the peer has staged them all does the core
 * get the snapshot and emit MsgSnapshot: a follower that steps it resets its log at once, so its rows must be there.
 */
export class SnapshotSender {
  readonly peer: ReplicaId;
  /** Entries from here on are needed by the peer after it has installed the snapshot. */
  readonly pinnedFrom: Index;
  readonly #id: number;
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #reader: SnapshotReader;
  readonly #position: SnapshotPosition;
  #sent = 0;
  #acknowledged = 0;
  #reading = false;
  #ended = false;
  #provided = false;
  #idleTicks = 0;
  #closed = false;

  constructor(
    host: ReplicaHost,
    replica: Replica,
    peer: ReplicaId,
    reader: SnapshotReader,
    position: SnapshotPosition,
  ) {
    this.#host = host;
    this.#replica = replica;
    this.peer = peer;
    this.#reader = reader;
    this.#position = position;
    this.#id = host.nextNumber();
    this.pinnedFrom = (position.index + 1) as Index;
    this.#send({ type: "begin", id: this.#id, index: position.index, term: position.term });
    this.#pump();
  }

  /** True when the transfer is over. */
  receive(message: TransferMessage): boolean {
    if (message.id !== this.#id || this.#closed) return false;
    this.#idleTicks = 0;
    switch (message.type) {
      case "ack":
        this.#acknowledged = Math.max(this.#acknowledged, Math.min(message.chunks, this.#sent));
        this.#pump();
        return false;
      case "staged":
        if (!this.#ended || this.#provided) return false;
        this.#provided = true;
        this.#host.raft.provideSnapshot(
          this.#replica.group,
          this.peer,
          this.#position.index,
          this.#position.term,
          this.#position.confState,
        );
        this.#host.wake(this.#replica);
        return false;
      case "installed":
        this.close(true);
        return true;
      case "refused":
        this.close(false);
        return true;
      default:
        return false;
    }
  }

  /** The core emitted MsgSnapshot for this peer. */
  install(message: Uint8Array): void {
    assert(this.#provided, "a snapshot is offered only when its rows have arrived");
    this.#send({ type: "install", id: this.#id, message });
  }

  /** True when the peer has been silent for too long and the transfer was given up. */
  tick(): boolean {
    this.#idleTicks += 1;
    if (this.#idleTicks < SNAPSHOT_STALL_TICKS) return false;
    this.close(false);
    return true;
  }

  close(arrived: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.close();
    // Always: without it the core waits for this peer's answer for ever.
    if (this.#replica.stopped === undefined) {
      this.#host.raft.reportSnapshot(this.#replica.group, this.peer, arrived);
      this.#host.wake(this.#replica);
    }
  }

  #pump(): void {
    if (this.#reading || this.#ended || this.#closed) return;
    if (this.#sent - this.#acknowledged >= SNAPSHOT_WINDOW_CHUNKS) return;
    this.#reading = true;
    this.#reader.next((chunk) => {
      this.#reading = false;
      if (this.#closed) return;
      if (chunk === undefined) {
        this.#ended = true;
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
