import { type NodeId, PEER_FRAME_BYTES_TARGET, PUBLISHED_QUEUE_BYTES_MAX } from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import { encodePublished, type Published } from "./messages.ts";

export interface BroadcastHost {
  readonly self: NodeId;
  readonly links: PeerLinks;
  nodes(): Iterable<NodeId>;
  requestPass(): void;
}

/**
 * Messages of channels on their way to the subscribers of all other nodes: told once, in order, to whoever can be
 * reached now. They are neither repeated nor kept, and what a link has no room for is dropped, because Raft's messages
 * use the same links. As in Redis Cluster every node is told, whether it has subscribers or not: a filter would be
 * behind by the time that it takes to travel, and a client whose SUBSCRIBE was answered would miss messages.
 */
export class Broadcast {
  readonly #host: BroadcastHost;
  readonly #listeners: ((published: Published) => void)[] = [];
  /** Since it last flushed the links. */
  #unflushedBytes = 0;

  constructor(host: BroadcastHost) {
    this.#host = host;
  }

  onPublished(listener: (published: Published) => void): void {
    this.#listeners.push(listener);
  }

  publish(published: Published): void {
    const { self, links } = this.#host;
    let message: Uint8Array | undefined;
    for (const node of this.#host.nodes()) {
      if (node === self) continue;
      message ??= encodePublished(published);
      links.send(node, message, PUBLISHED_QUEUE_BYTES_MAX);
    }
    if (message === undefined) return;
    this.#unflushedBytes += message.length;
    if (this.#unflushedBytes >= PEER_FRAME_BYTES_TARGET) {
      // A link that can take them must not look full only because this pass has many.
      links.flush();
      this.#unflushedBytes = 0;
    }
    this.#host.requestPass();
  }

  /** What another node published. Views of its message: valid during the call only. */
  receive(published: Published): void {
    for (const listener of this.#listeners) listener(published);
  }
}
