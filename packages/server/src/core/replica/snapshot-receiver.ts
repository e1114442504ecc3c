import {
  type Index,
  mark,
  type ReplicaId,
  SNAPSHOT_SIGN_TICKS,
  SNAPSHOT_STALL_TICKS,
  SNAPSHOT_WINDOW_CHUNKS,
  SNAPSHOT_WORK_TICKS_MAX,
} from "../base/index.ts";
import type { Stage } from "../store/index.ts";
import type { Replica } from "./replica.ts";
import { encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

type Phase = "staging" | "staged" | "stepped" | "installing" | "closed";

/** Stages the rows of one snapshot beside those that serve, until MsgSnapshot decides. */
export class SnapshotReceiver {
  readonly from: ReplicaId;
  readonly id: number;
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #early: Uint8Array[] = [];
  #stage: Stage | undefined;
  #received = 0;
  #added = 0;
  #end: number | undefined;
  #phase: Phase = "staging";
  #idleTicks = 0;
  #workTicks = 0;

  constructor(host: ReplicaHost, replica: Replica, from: ReplicaId, id: number) {
    this.#host = host;
    this.#replica = replica;
    this.from = from;
    this.id = id;
    host.store.stage(replica.space, (stage) => {
      if (this.#phase === "closed") return stage.drop();
      this.#stage = stage;
      for (const chunk of this.#early.splice(0)) this.#add(stage, chunk);
      this.#endMaybe();
    });
    this.send({ type: "granted", id });
  }

  /** False: the transfer is over (damaged, or the sender does not keep to the protocol). */
  receive(message: TransferMessage): boolean {
    // The sender has said all there is: what comes now must not take the rows from under the core.
    if (this.decided) return true;
    this.#idleTicks = 0;
    switch (message.type) {
      case "chunk":
        // A repeated or skipped chunk means that messages were lost: begin again rather than guess.
        if (message.sequence !== this.#received || this.#received - this.#added >= SNAPSHOT_WINDOW_CHUNKS) return false;
        this.#received += 1;
        if (this.#stage === undefined) this.#early.push(message.bytes);
        else this.#add(this.#stage, message.bytes);
        return true;
      case "end":
        if (message.chunks !== this.#received) {
          mark("snapshot: part missing");
          return false;
        }
        this.#end = message.chunks;
        this.#endMaybe();
        return true;
      case "install":
        if (this.#phase !== "staged" || this.#stage === undefined) return false;
        this.#phase = "stepped";
        this.#host.raft.stepSnapshot(this.#replica.group, this.#stage.space.appliedIndex, message.message);
        this.#host.wake(this.#replica);
        return true;
      case "cancelled":
        return false;
      default:
        return true;
    }
  }

  /** The core accepted the snapshot: switch the rows in. `done` when they are durable and serve. */
  install(index: Index, done: (stage: Stage) => void): void {
    const stage = this.#stage;
    if (this.#phase !== "stepped" || stage === undefined || index !== stage.space.appliedIndex) {
      this.#host.env.fatal(new Error(`group ${this.#replica.group}: a snapshot at ${index} without its rows`));
    }
    this.#phase = "installing";
    stage.commit(() => done(stage));
  }

  /** MsgSnapshot is with the core, whose Ready may carry it: the rows must stay until that is known. */
  get decided(): boolean {
    return this.#phase === "stepped" || this.#phase === "installing";
  }

  get installing(): boolean {
    return this.#phase === "installing";
  }

  /** It waits for its own store: for the stage, for a chunk to be durable in it, or for the rows to be switched in. */
  get #worksHere(): boolean {
    if (this.#phase === "installing") return true;
    return this.#phase === "staging" && (this.#stage === undefined || this.#added < this.#received);
  }

  /** False: given up. After MsgSnapshot was stepped without a Ready that carries it, the core had no use for it. */
  tick(): boolean {
    if (this.#worksHere) {
      this.#workTicks += 1;
      const patient = this.#workTicks < SNAPSHOT_WORK_TICKS_MAX;
      if (patient && this.#workTicks % SNAPSHOT_SIGN_TICKS === 0) this.send({ type: "alive", id: this.id });
      return patient || this.#phase === "installing";
    }
    this.#idleTicks += 1;
    if (this.#phase !== "stepped") return this.#idleTicks < SNAPSHOT_STALL_TICKS;
    if (this.#idleTicks < 2) return true;
    mark("snapshot: not needed after all");
    return false;
  }

  drop(): void {
    if (this.#phase === "closed" || this.#phase === "installing") return;
    this.#phase = "closed";
    this.#stage?.drop();
    this.send({ type: "refused", id: this.id });
  }

  send(message: TransferMessage): void {
    this.#host.sendTransfer(this.#replica.group, this.from, encodeTransfer(message));
  }

  #add(stage: Stage, chunk: Uint8Array): void {
    stage.add(chunk, (sound) => {
      if (this.#phase === "closed") return;
      if (!sound) {
        this.#host.env.log("warn", "a snapshot chunk is damaged", { group: this.#replica.group });
        this.#replica.transfers.stopReceiving();
        return;
      }
      this.#added += 1;
      this.#workTicks = 0;
      this.#idleTicks = 0;
      this.send({ type: "ack", id: this.id, chunks: this.#added });
      this.#endMaybe();
    });
  }

  #endMaybe(): void {
    if (this.#phase !== "staging" || this.#stage === undefined || this.#added !== this.#end) return;
    this.#phase = "staged";
    this.send({ type: "staged", id: this.id });
  }
}
