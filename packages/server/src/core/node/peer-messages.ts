import type { GroupId, NodeId } from "../base/index.ts";
import type { Env, PeerLinksHandler } from "../env/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Hosted } from "./core-events.ts";
import type { MapKeeper } from "./map-keeper.ts";
import { decodeMessage, type Hints, MessageTag, type PeerMessage, type Published } from "./messages.ts";
import type { Requests } from "./requests.ts";

export interface PeerMessagesHost {
  readonly env: Env;
  readonly raft: RaftCore;
  readonly requests: Requests;
  readonly map: MapKeeper;
  hosted(group: GroupId): Hosted | undefined;
  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void;
  onHints(from: NodeId, hints: Hints): void;
  onPublished(published: Published): void;
  onLinkUp(node: NodeId): void;
  onLinkDown(node: NodeId, gone: boolean): void;
}

/** What other nodes say. A message that cannot be read is dropped and reported; it never harms this node. */
export class PeerMessages implements PeerLinksHandler {
  readonly #host: PeerMessagesHost;

  constructor(host: PeerMessagesHost) {
    this.#host = host;
  }

  onMessage(from: NodeId, bytes: Uint8Array): void {
    const message = this.#decode(from, bytes);
    // Outside of the `try`: what fails here is this node's failure, and must not pass for a malformed message.
    if (message !== undefined) this.#take(from, message);
    this.#host.env.requestPass();
  }

  onUp(node: NodeId): void {
    this.#host.onLinkUp(node);
    this.#host.env.requestPass();
  }

  onDown(node: NodeId, refused: boolean): void {
    this.#host.onLinkDown(node, refused);
    this.#host.env.requestPass();
  }

  #decode(from: NodeId, bytes: Uint8Array): PeerMessage | undefined {
    try {
      return decodeMessage(bytes);
    } catch (error) {
      this.#host.complain(`malformed ${from}`, "a peer's message is malformed", { from, detail: String(error) });
      return undefined;
    }
  }

  #take(from: NodeId, message: PeerMessage): void {
    const host = this.#host;
    switch (message.tag) {
      case MessageTag.raft: {
        const hosted = host.hosted(message.group);
        if (hosted === undefined || hosted.replica.stopped !== undefined) return;
        return host.raft.step(hosted.replica.group, message.message);
      }
      case MessageTag.transfer: {
        const hosted = host.hosted(message.group);
        // A part meant for a replica that was here before (etcd 17814): its rows must not reach its successor.
        if (hosted === undefined || hosted.replica.id !== message.to) return;
        return hosted.replica.transfers.receive(message.from, message.part);
      }
      case MessageTag.forward:
        return host.requests.onForward(from, message.forward);
      case MessageTag.answer:
        return host.requests.onAnswer(message.answer);
      case MessageTag.hints:
        return host.onHints(from, message.hints);
      case MessageTag.mapWanted:
        return host.map.sendTo(from);
      case MessageTag.map:
        return host.map.receive(message.map);
      case MessageTag.published:
        return host.onPublished(message.published);
    }
  }
}
