import { ByteReader, groupId, type NodeId, type ReplicaId, replicaId, SherdError, ShortInput } from "../base/index.ts";
import type { Env, PeerLinksHandler } from "../env/index.ts";
import type { RaftCore } from "../raft/index.ts";
import type { Hosted } from "./core-events.ts";
import type { MapKeeper } from "./map-keeper.ts";
import { decodeAnswer, decodeForward, decodeHints, type Hints, MessageTag } from "./messages.ts";
import type { Requests } from "./requests.ts";

export interface PeerMessagesHost {
  readonly env: Env;
  readonly raft: RaftCore;
  readonly requests: Requests;
  readonly map: MapKeeper;
  hosted(group: ReturnType<typeof groupId>): Hosted | undefined;
  onHints(from: NodeId, hints: Hints): void;
  onLinkUp(node: NodeId): void;
  onLinkDown(node: NodeId, gone: boolean): void;
}

/** What other nodes say. A message that cannot be read is dropped and reported; it never harms this node. */
export class PeerMessages implements PeerLinksHandler {
  readonly #host: PeerMessagesHost;

  constructor(host: PeerMessagesHost) {
    this.#host = host;
  }

  onMessage(from: NodeId, message: Uint8Array): void {
    try {
      this.#receive(from, new ByteReader(message));
    } catch (error) {
      const malformed = error instanceof ShortInput || error instanceof RangeError || error instanceof SyntaxError;
      // A map of a format that only newer versions know comes as a coded error.
      if (!malformed && !(error instanceof SherdError)) throw error;
      this.#host.env.log("warn", "a peer's message is malformed", { from, detail: error.message });
    }
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

  #receive(from: NodeId, input: ByteReader): void {
    const host = this.#host;
    switch (input.u8()) {
      case MessageTag.raft: {
        const hosted = host.hosted(groupId(input.u32()));
        if (hosted === undefined || hosted.replica.stopped !== undefined) return;
        return host.raft.step(hosted.replica.group, input.take(input.remaining));
      }
      case MessageTag.transfer: {
        const hosted = host.hosted(groupId(input.u32()));
        const sender: ReplicaId = replicaId(input.u64());
        const receiver = replicaId(input.u64());
        // A part meant for a replica that was here before (etcd 17814): its rows must not reach its successor.
        if (hosted === undefined || hosted.replica.id !== receiver) return;
        return hosted.replica.transfers.receive(sender, input.block());
      }
      case MessageTag.forward:
        return host.requests.onForward(from, decodeForward(input));
      case MessageTag.answer:
        return host.requests.onAnswer(decodeAnswer(input));
      case MessageTag.hints:
        return host.onHints(from, decodeHints(input));
      case MessageTag.mapWanted:
        return host.map.sendTo(from);
      case MessageTag.map:
        return host.map.receive(input.take(input.remaining));
      default:
        throw new RangeError("unknown kind of message");
    }
  }
}
