import type { NodeId } from "../base/index.ts";

/**
 * Messages between nodes, as the node sees them: by node id, best effort, whole or not at all. Messages to one peer may
 * be lost and, across a reconnection, arrive late or out of order; they are never altered.
 * `peer/` builds it on byte streams; the simulator may stand in for it to reorder and drop.
 */
export interface PeerLinks {
  /** Takes the bytes over (the caller may not change them). Drops them when there is no link or its queue is full. */
  send(to: NodeId, message: Uint8Array): void;
  /** End of a pass: what was sent leaves. */
  flush(): void;
  isUp(node: NodeId): boolean;
}

export interface PeerLinksHandler {
  onMessage(from: NodeId, message: Uint8Array): void;
  onUp(node: NodeId): void;
  /**
   * The link is gone. `refused` says that the peer's process is certainly gone: its address answered that nobody
   * listens. Only then may followers campaign at once.
   */
  onDown(node: NodeId, refused: boolean): void;
}
