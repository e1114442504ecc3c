import { type Index, mark, type ReplicaId, ShortInput } from "../base/index.ts";
import type { AppliedState } from "../machine/index.ts";
import type { Replica } from "./replica.ts";
import { SnapshotBackOff } from "./snapshot-back-off.ts";
import { SnapshotPins } from "./snapshot-pins.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { type SnapshotPosition, SnapshotSender } from "./snapshot-sender.ts";
import { decodeTransfer, encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

/** Flushes whose positions are remembered until a snapshot that was taken behind one of them is opened. */
const FREEZES_KEPT = 8;

/** Snapshots of one replica, going out and coming in: at most one each way, and one each way per node. */
export class SnapshotTransfers {
  /** Since the start of the process; `failed` and `sent` are those that went out. */
  readonly counts: { sent: number; failed: number; installed: number } = { sent: 0, failed: 0, installed: 0 };
  readonly #host: ReplicaHost;
  readonly #replica: Replica;
  readonly #pins: SnapshotPins;
  readonly #backOff: SnapshotBackOff = new SnapshotBackOff();
  #sender: SnapshotSender | undefined;
  #receiver: SnapshotReceiver | undefined;
  #freezes: SnapshotPosition[] = [];

  constructor(host: ReplicaHost, replica: Replica) {
    this.#host = host;
    this.#replica = replica;
    this.#pins = new SnapshotPins(host, replica);
  }

  /** A flush took the state at this position; a snapshot of the engine may stand exactly here. */
  frozen(applied: AppliedState): void {
    this.#freezes.push({ index: applied.index, term: applied.term, confState: applied.confState });
    if (this.#freezes.length > FREEZES_KEPT) this.#freezes.shift();
  }

  // --- going out

  /** The core asks for it again, about each heartbeat, for as long as the peer needs one. */
  send(peer: ReplicaId): void {
    if (this.#sender !== undefined || this.#backOff.waits(peer)) return;
    // The core may speak once more before it is closed, but nobody would tick the sender, or let go of its pins.
    if (this.#replica.stopped !== undefined) return;
    if (!this.#host.claimTransfer("send", this.#replica)) return;
    const positionAt = (applied: Index): SnapshotPosition | undefined =>
      this.#freezes.findLast((freeze) => freeze.index === applied);
    this.#sender = new SnapshotSender(this.#host, this.#replica, peer, this.#pins, positionAt);
  }

  /** MsgSnapshot of the core. The core is told if there is no transfer that it belongs to. */
  sendInstall(peer: ReplicaId, message: Uint8Array): void {
    if (this.#sender?.peer === peer) return this.#sender.install(message);
    mark("snapshot: install without its transfer");
    this.#host.raft.reportSnapshot(this.#replica.group, peer, false);
  }

  /** It does not lead any more: others bring the peers forward. */
  stopSending(): void {
    this.#sender?.giveUp();
    this.#endSendingMaybe();
    this.#pins.clear();
    this.#backOff.clear();
  }

  #endSendingMaybe(): void {
    const sender = this.#sender;
    if (sender?.closed !== true) return;
    this.#sender = undefined;
    this.#host.releaseTransfer("send", this.#replica);
    if (sender.installed) {
      this.counts.sent += 1;
      this.#backOff.succeeded(sender.peer);
    } else {
      this.counts.failed += 1;
      this.#backOff.failed(sender.peer);
    }
  }

  // --- coming in

  receive(from: ReplicaId, bytes: Uint8Array): void {
    const message = this.#decode(bytes);
    if (message === undefined) return;
    if (message.type === "ask") return this.#ask(from, message.id);
    if (this.#sender?.peer === from) {
      this.#sender.receive(message);
      this.#endSendingMaybe();
    }
    const receiver = this.#receiver;
    if (receiver !== undefined && receiver.from === from && receiver.id === message.id && !receiver.receive(message)) {
      this.stopReceiving();
    }
  }

  #ask(from: ReplicaId, id: number): void {
    const host = this.#host;
    if (this.#receiver?.from === from && this.#receiver.id === id) return;
    // Another question says that the sender of an earlier snapshot, or its leadership, is gone.
    if (this.#receiver?.decided === false) this.stopReceiving();
    const refuses = this.#receiver !== undefined || this.#replica.stopped !== undefined;
    if (refuses || !host.claimTransfer("receive", this.#replica)) {
      mark("snapshot: asked while busy");
      host.sendTransfer(this.#replica.group, from, encodeTransfer({ type: "refused", id }));
      return;
    }
    this.#receiver = new SnapshotReceiver(host, this.#replica, from, id);
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
      this.counts.installed += 1;
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
    this.#sender?.tick();
    this.#endSendingMaybe();
    this.#pins.tick();
    this.#backOff.tick();
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
