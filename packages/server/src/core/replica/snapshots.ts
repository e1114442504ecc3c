import { type Index, type ReplicaId, ShortInput, index as toIndex } from "../base/index.ts";
import type { AppliedState } from "../machine/index.ts";
import type { Replica } from "./replica.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { type SnapshotPosition, SnapshotSender } from "./snapshot-sender.ts";
import { decodeTransfer, encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

const NOT_PINNED = toIndex(Number.MAX_SAFE_INTEGER);
/** Flushes whose positions are remembered until a snapshot that was taken behind one of them is opened. */
const FREEZES_KEPT = 8;

/** Snapshots of one replica, going out and coming in: at most one each way, and one each way per node. */
export class SnapshotTransfers {
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  #sender: SnapshotSender | undefined;
  #opening = false;
  #receiver: SnapshotReceiver | undefined;
  #freezes: SnapshotPosition[] = [];

  constructor(host: ReplicaHost, replica: Replica) {
    this.#host = host;
    this.#replica = replica;
  }

  /** A flush took the state at this position; a snapshot of the engine may stand exactly here. */
  frozen(applied: AppliedState): void {
    this.#freezes.push({ index: applied.index, term: applied.term, confState: applied.confState });
    if (this.#freezes.length > FREEZES_KEPT) this.#freezes.shift();
  }

  pinnedFrom(): Index {
    return this.#sender?.pinnedFrom ?? NOT_PINNED;
  }

  // --- going out

  send(peer: ReplicaId): void {
    if (this.#sender !== undefined || this.#opening) return;
    if (!this.#host.claimTransfer("send", this.#replica)) return;
    this.#opening = true;
    this.#host.store.openSnapshot(this.#replica.space, (reader) => {
      this.#opening = false;
      const position = this.#freezes.findLast((freeze) => freeze.index === reader.applied);
      if (!this.#replica.leads || position === undefined) {
        reader.close();
        this.#host.releaseTransfer("send", this.#replica);
        return;
      }
      this.#host.env.log("info", "sending a snapshot", { group: this.#replica.group, peer, index: reader.applied });
      this.#sender = new SnapshotSender(this.#host, this.#replica, peer, reader, position);
    });
  }

  /** MsgSnapshot of the core. False: there is no transfer that it belongs to; the core is told. */
  sendInstall(peer: ReplicaId, message: Uint8Array): void {
    if (this.#sender?.peer === peer) this.#sender.install(message);
    else this.#host.raft.reportSnapshot(this.#replica.group, peer, false);
  }

  stopSending(): void {
    if (this.#sender === undefined) return;
    this.#sender.close(false);
    this.#endSending();
  }

  #endSending(): void {
    this.#sender = undefined;
    this.#host.releaseTransfer("send", this.#replica);
    this.#replica.release();
  }

  // --- coming in

  receive(from: ReplicaId, bytes: Uint8Array): void {
    const message = this.#decode(bytes);
    if (message === undefined) return;
    if (message.type === "begin") return this.#begin(from, message);
    if (this.#sender !== undefined && this.#sender.peer === from && this.#sender.receive(message)) this.#endSending();
    const receiver = this.#receiver;
    if (receiver !== undefined && receiver.from === from && receiver.id === message.id && !receiver.receive(message)) {
      this.stopReceiving();
    }
  }

  #begin(from: ReplicaId, message: TransferMessage & { type: "begin" }): void {
    const decided = this.#receiver?.stepped === true || this.#receiver?.installing === true;
    if (!decided) this.stopReceiving();
    const busy = this.#receiver !== undefined || !this.#host.claimTransfer("receive", this.#replica);
    if (busy || this.#replica.stopped !== undefined) {
      this.#host.sendTransfer(this.#replica.group, from, encodeTransfer({ type: "refused", id: message.id }));
      return;
    }
    this.#receiver = new SnapshotReceiver(this.#host, this.#replica, from, message);
  }

  get installing(): boolean {
    return this.#receiver?.installing === true;
  }

  /** Ready carries a snapshot: `done` when its rows are durable and serve here. */
  install(index: Index, done: () => void): void {
    const receiver = this.#receiver;
    if (receiver === undefined) {
      this.#host.env.fatal(new Error(`group ${this.#replica.group}: a snapshot at ${index} nobody staged`));
    }
    receiver.install(index, (stage) => {
      this.#replica.replaceSpace(stage.space);
      this.#host.env.log("info", "snapshot installed", { group: this.#replica.group, index });
      this.#receiver = undefined;
      this.#host.releaseTransfer("receive", this.#replica);
      done();
      receiver.send({ type: "installed", id: receiver.id });
    });
  }

  stopReceiving(): void {
    if (this.#receiver === undefined) return;
    this.#receiver.drop();
    this.#receiver = undefined;
    this.#host.releaseTransfer("receive", this.#replica);
  }

  tick(): void {
    if (this.#sender?.tick()) this.#endSending();
    if (this.#receiver !== undefined && !this.#receiver.tick()) this.stopReceiving();
  }

  close(): void {
    this.stopSending();
    if (!this.installing) this.stopReceiving();
  }

  #decode(bytes: Uint8Array): TransferMessage | undefined {
    try {
      return decodeTransfer(bytes);
    } catch (error) {
      if (!(error instanceof ShortInput || error instanceof RangeError)) throw error;
      this.#host.env.log("warn", "a part of a snapshot transfer is malformed", { group: this.#replica.group });
      return undefined;
    }
  }
}
