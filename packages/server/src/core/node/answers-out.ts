import {
  ANSWER_LARGE_BYTES_MIN,
  ANSWERS_HELD_BYTES_MAX,
  ANSWERS_PASSED_BYTES_MAX,
  ANSWERS_QUEUE_BYTES_MAX,
  ANSWERS_SMALL_QUEUE_BYTES_MAX,
  type NodeId,
} from "../base/index.ts";
import { replyBytes } from "../command/index.ts";
import type { PeerLinks } from "../env/index.ts";
import { type Answer, encodeAnswer } from "./messages.ts";

interface Held {
  readonly answer: Answer;
  /** About what it takes here, and on the link. */
  readonly bytes: number;
}

/** Answers to one node that wait, oldest first. */
interface Waiting {
  readonly small: Held[];
  readonly large: Held[];
  /** Bytes of small ones that left since the first of the large ones waits for its turn. */
  passedBytes: number;
}

/**
 * Answers to commands that other nodes forwarded here. They may be megabytes of values, and Raft's messages use the same
 * links: so answers beyond a few megabytes wait here until those before them have left. Small ones pass large ones, or one
 * client that asks for much would delay everybody behind the same node; so many bytes of them, then a large one has its turn.
 *
 * What would be too much to hold is told to be so in its turn, if it is a read: who wants it asks again, and does so when
 * its client can take it. Other answers are lost, as a link loses messages: a write that is asked for again in its
 * session is answered from there. Values are held as the replies they are part of, and copied when they leave.
 */
export class AnswersOut {
  /** Since the start. */
  dropped = 0;
  postponed = 0;
  readonly #links: PeerLinks;
  readonly #waiting: Map<NodeId, Waiting> = new Map();
  #heldBytes = 0;

  constructor(links: PeerLinks) {
    this.#links = links;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `repeatable`: the command can be executed again. */
  send(to: NodeId, answer: Answer, repeatable: boolean): void {
    const bytes = answer.reply === undefined ? 0 : replyBytes(answer.reply);
    const held: Held = { answer, bytes };
    const waiting = this.#waiting.get(to);
    if ((waiting === undefined || mayPass(waiting, bytes)) && this.#hasRoom(to, bytes)) {
      if (waiting !== undefined) waiting.passedBytes += bytes;
      this.#links.send(to, encodeAnswer(answer));
    } else {
      this.#hold(to, held, repeatable);
    }
  }

  /** At the end of each pass, after the links were flushed: sends what they have room for now. */
  pump(): void {
    if (this.#waiting.size === 0) return;
    for (const [to, waiting] of this.#waiting) {
      this.#pump(to, waiting);
      if (waiting.small.length + waiting.large.length === 0) this.#waiting.delete(to);
    }
    this.#links.flush();
  }

  /** What was asked over it is asked again elsewhere. */
  onLinkDown(node: NodeId): void {
    const waiting = this.#waiting.get(node);
    if (waiting === undefined) return;
    for (const { bytes } of waiting.small) this.#heldBytes -= bytes;
    for (const { bytes } of waiting.large) this.#heldBytes -= bytes;
    this.#waiting.delete(node);
  }

  #hasRoom(to: NodeId, bytes: number): boolean {
    const queued = this.#links.queuedBytes(to);
    if (bytes < ANSWER_LARGE_BYTES_MIN) return queued + bytes <= ANSWERS_SMALL_QUEUE_BYTES_MAX;
    return queued === 0 || queued + bytes <= ANSWERS_QUEUE_BYTES_MAX;
  }

  #hold(to: NodeId, held: Held, repeatable: boolean): void {
    let waiting = this.#waiting.get(to);
    if (waiting === undefined) {
      waiting = { small: [], large: [], passedBytes: 0 };
      this.#waiting.set(to, waiting);
    }
    const { bytes } = held;
    const lane = bytes < ANSWER_LARGE_BYTES_MIN ? waiting.small : waiting.large;
    if (this.#heldBytes + bytes <= ANSWERS_HELD_BYTES_MAX) {
      this.#heldBytes += bytes;
      lane.push(held);
    } else if (repeatable) {
      // Behind those that are held: told at once, it would be asked for again at once.
      this.postponed += 1;
      waiting.large.push({ answer: { id: held.answer.id, reply: undefined, tooLargeBytes: bytes }, bytes: 0 });
    } else {
      this.dropped += 1;
    }
  }

  #pump(to: NodeId, waiting: Waiting): void {
    const { small, large } = waiting;
    let [smallSent, largeSent] = [0, 0];
    for (;;) {
      const [nextSmall, nextLarge] = [small[smallSent], large[largeSent]];
      const turn =
        nextSmall === undefined || (nextLarge !== undefined && waiting.passedBytes >= ANSWERS_PASSED_BYTES_MAX);
      const next = turn ? nextLarge : nextSmall;
      if (next === undefined || !this.#hasRoom(to, next.bytes)) break;
      this.#links.send(to, encodeAnswer(next.answer));
      this.#heldBytes -= next.bytes;
      if (turn) largeSent += 1;
      else smallSent += 1;
      waiting.passedBytes = turn ? 0 : waiting.passedBytes + next.bytes;
    }
    small.splice(0, smallSent);
    large.splice(0, largeSent);
  }
}

/** Whether an answer of so many bytes may leave before all that wait. */
function mayPass({ small, large, passedBytes }: Waiting, bytes: number): boolean {
  if (small.length > 0 || bytes >= ANSWER_LARGE_BYTES_MIN) return false;
  return large.length === 0 || passedBytes < ANSWERS_PASSED_BYTES_MAX;
}
