import { ANSWERS_HELD_BYTES_MAX, ANSWERS_QUEUE_BYTES_MAX, type NodeId } from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import { type Answer, encodeAnswer } from "./messages.ts";

/**
 * Answers to commands that other nodes forwarded here. They may be megabytes of values, and Raft's messages use the same
 * links: so answers beyond a few megabytes wait here, in their order, until those before them have left. What would be
 * too much to hold is lost, as a link loses messages: whoever waits for it asks again.
 */
export class AnswersOut {
  /** Since the start. */
  dropped = 0;
  readonly #links: PeerLinks;
  /** Encoded, oldest first. */
  readonly #held: Map<NodeId, Uint8Array[]> = new Map();
  #heldBytes = 0;

  constructor(links: PeerLinks) {
    this.#links = links;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  send(to: NodeId, answer: Answer): void {
    const message = encodeAnswer(answer);
    const held = this.#held.get(to);
    if (held === undefined && this.#hasRoom(to, message)) this.#links.send(to, message);
    else this.#hold(to, held, message);
  }

  /** At the end of each pass, after the links were flushed: sends what they have room for now. */
  pump(): void {
    if (this.#held.size === 0) return;
    for (const [to, held] of this.#held) this.#pump(to, held);
    this.#links.flush();
  }

  /** What was asked over it is asked again elsewhere. */
  onLinkDown(node: NodeId): void {
    const held = this.#held.get(node);
    if (held === undefined) return;
    for (const message of held) this.#heldBytes -= message.length;
    this.#held.delete(node);
  }

  #hasRoom(to: NodeId, message: Uint8Array): boolean {
    const queued = this.#links.queuedBytes(to);
    return queued === 0 || queued + message.length <= ANSWERS_QUEUE_BYTES_MAX;
  }

  #hold(to: NodeId, held: Uint8Array[] | undefined, message: Uint8Array): void {
    if (this.#heldBytes + message.length > ANSWERS_HELD_BYTES_MAX) {
      this.dropped += 1;
      return;
    }
    this.#heldBytes += message.length;
    if (held === undefined) this.#held.set(to, [message]);
    else held.push(message);
  }

  #pump(to: NodeId, held: Uint8Array[]): void {
    let sent = 0;
    for (const message of held) {
      if (!this.#hasRoom(to, message)) break;
      this.#links.send(to, message);
      this.#heldBytes -= message.length;
      sent += 1;
    }
    if (sent === held.length) this.#held.delete(to);
    else held.splice(0, sent);
  }
}
