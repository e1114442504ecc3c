import type { NodeId } from "../base/index.ts";

/**
 * Messages between nodes, as the node sees them: by node id, best effort, whole or not at all. Messages to one peer may
 * be lost and, across a reconnection, arrive late or out of order; they are never altered.
 * `peer/` builds it on byte streams; the simulator may stand in for it to reorder and drop.
 */
export interface PeerLinks {
  /**
   * Copies the bytes: they are the caller's again when it returns, so views of memory that is reused are fine.
   * Drops the message when there is no link or its queue is full. Never to the node itself.
   * `queuedBytesMax`: for messages that may be lost but must not delay others. It is dropped, too, when something waits
   * and there would be more than so much of it.
   */
  send(to: NodeId, message: Uint8Array, queuedBytesMax?: number): void;
  /** Of messages to the node that the network has not taken: those since the last flush, and what it was too slow for. */
  queuedBytes(to: NodeId): number;
  /** End of a pass: what was sent leaves. */
  flush(): void;
  /** Both directions are usable. */
  isUp(node: NodeId): boolean;
}

/** None of these is called inside `send`, `flush` or `isUp`. All may call them. */
export interface PeerLinksHandler {
  /**
   * The view is valid during the call only. The sender's identity (cluster, directory, boot counter) was checked and is
   * durable here. May come shortly before `onUp` and between `onDown` and `onUp`: the directions open one by one.
   */
  onMessage(from: NodeId, message: Uint8Array): void;
  /** Both directions are usable. A peer that restarted is reported down before it is reported up again. */
  onUp(node: NodeId): void;
  /**
   * The link is gone: `refused` is false, and messages in flight may be lost. If connecting again finds that nobody
   * listens at the peer's address, it is called once more, with `refused` true: the peer's process is gone (or a
   * firewall says so: act on it for speed, never for safety). Only then may followers campaign at once.
   */
  onDown(node: NodeId, refused: boolean): void;
}
