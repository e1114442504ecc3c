import {
  FORWARD_RETRY_MS,
  FORWARDS_INFLIGHT_MAX,
  type GroupId,
  LEADERLESS_HOLD_MS,
  mark,
  type NodeId,
  PEER_QUEUE_BYTES_MAX,
  REQUEST_MS_MAX,
  SESSION_REPLIES_MAX,
  type Slot,
} from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { type CommandOrigin, Opcode, SESSION_ERROR } from "../machine/index.ts";
import type { Request, Rerouted } from "../replica/index.ts";
import { ForwardReads } from "./forward-reads.ts";
import type { Answer, Forward } from "./messages.ts";

/**
 * Commands of this node's clients for shards that another node leads.
 *
 * Writes run in a session of this node with the shard (thesis 6.3): numbered, in order, each applied once however often
 * it is sent. So when the leader is lost with writes under way, all unanswered ones are simply sent again, in order, to
 * the next leader; the state machine answers those that had already taken effect from the session, and refuses those
 * that overtook a lost one (`gap`), so that order holds as well. Should this node itself become the leader, its own
 * replica takes them in the same way. Reads need none of this: `ForwardReads`.
 */
export interface ForwardHost {
  nowMs(): number;
  nextNumber(): number;
  /** The node to send to; may be this one; undefined while none is known or reachable. */
  leaderNode(group: GroupId): NodeId | undefined;
  deliver(to: NodeId, forward: Forward): void;
  /** Reads to try again, in their order. */
  requeue(group: GroupId, items: readonly Rerouted[]): void;
}

const INDETERMINATE = {
  type: "error",
  kind: "INDETERMINATE",
  text: "the outcome is not known: the write may or may not have taken effect",
} as const satisfies Reply;
const NO_LEADER: Reply = { type: "error", kind: "CLUSTERDOWN", text: "The shard has no leader" };
const NOT_TAKEN: Reply = {
  type: "error",
  kind: "CLUSTERDOWN",
  text: "The shard's leader could not take the write in time: it had no effect",
};

interface Write extends Rerouted {
  /** 0: not yet numbered. */
  sequence: number;
  /** Id of the last attempt; 0: not sent under the current target. */
  attempt: number;
  /** Attempts that may still take effect. */
  open: number;
  answered: boolean;
}

/** One shard's writes: unanswered ones in order. */
interface Stream {
  readonly group: GroupId;
  session: number;
  /** Id of the request that opens the session; 0: none. */
  opening: number;
  nextSequence: number;
  writes: Write[];
  /** How many of `writes`, from the front, were sent to `target`. */
  sent: number;
  target: NodeId | undefined;
  /** When something was last sent or answered. */
  activeMs: number;
}

type Waiting =
  | { readonly kind: "write"; readonly stream: Stream; readonly write: Write }
  | { readonly kind: "open"; readonly stream: Stream };

/** Of arguments. A link drops what is beyond its queue; all of this fits, with its headers. */
const HELD_BYTES_MAX: number = PEER_QUEUE_BYTES_MAX / 2;
const NO_SLOT = 0 as Slot;

export class ForwardOut {
  readonly #host: ForwardHost;
  readonly #streams: Map<GroupId, Stream> = new Map();
  readonly #waiting: Map<number, Waiting> = new Map();
  readonly #reads: ForwardReads;
  #held = 0;
  #heldBytes = 0;
  /** Requests that were given here since the start of the process. */
  taken = 0;

  constructor(host: ForwardHost) {
    this.#host = host;
    this.#reads = new ForwardReads(host, (item, sign) => this.#hold(item, sign));
  }

  /** No more should be given here before something is answered. */
  get full(): boolean {
    return this.#held >= FORWARDS_INFLIGHT_MAX || this.#heldBytes >= HELD_BYTES_MAX;
  }

  get open(): number {
    return this.#waiting.size + this.#reads.open;
  }

  /** While writes of the group run in this node's session, none may take another way and overtake them. */
  busy(group: GroupId): boolean {
    return (this.#streams.get(group)?.writes.length ?? 0) > 0;
  }

  write(group: GroupId, request: Request, args: readonly Uint8Array[], bornMs: number): void {
    this.taken += 1;
    const stream = this.#stream(group);
    const write: Write = { request, args, bornMs, sequence: 0, attempt: 0, open: 0, answered: false };
    this.#hold(write, 1);
    stream.writes.push(write);
    this.#pump(stream);
  }

  read(group: GroupId, target: NodeId, request: Request, args: readonly Uint8Array[], bornMs: number): void {
    this.taken += 1;
    this.#reads.send(group, target, request, args, bornMs);
  }

  onAnswer(answer: Answer): void {
    if (this.#reads.onAnswer(answer)) return;
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    switch (waiting.kind) {
      case "open":
        return this.#onOpened(waiting.stream, answer);
      case "write":
        return this.#onWritten(waiting.stream, waiting.write, answer);
    }
  }

  /** Once a pass. */
  returnGivenBack(): void {
    this.#reads.returnGivenBack();
  }

  /** The group's leader changed, or a link came or went. */
  retarget(group: GroupId): void {
    this.#reads.retarget(group);
    const stream = this.#streams.get(group);
    if (stream === undefined) return;
    if (stream.target !== this.#host.leaderNode(group)) this.#rewind(stream);
    this.#pump(stream);
  }

  /** The link to a node is gone: its answers may never come. */
  onLinkDown(node: NodeId): void {
    for (const stream of this.#streams.values()) if (stream.target === node) this.#rewind(stream);
    this.#reads.onLinkDown(node);
  }

  tick(): void {
    const now = this.#host.nowMs();
    for (const stream of this.#streams.values()) {
      this.#expire(stream, now);
      // Links lose messages. Sent again, they do no harm.
      const asked = stream.sent > 0 || stream.opening !== 0;
      if (asked && now - stream.activeMs >= FORWARD_RETRY_MS) this.#rewind(stream);
      this.retarget(stream.group);
    }
    this.#reads.tick();
  }

  #hold(item: Rerouted, sign: 1 | -1): void {
    this.#held += sign;
    for (const arg of item.args) this.#heldBytes += sign * arg.length;
  }

  // --- streams of writes

  #stream(group: GroupId): Stream {
    let stream = this.#streams.get(group);
    if (stream === undefined) {
      stream = { group, session: 0, opening: 0, nextSequence: 1, writes: [], sent: 0, target: undefined, activeMs: 0 };
      this.#streams.set(group, stream);
    }
    return stream;
  }

  /** Sends what may be sent: a session first, then writes in order within the session's window. */
  #pump(stream: Stream): void {
    if (stream.sent >= stream.writes.length || stream.opening !== 0) return;
    if (stream.target === undefined) stream.target = this.#host.leaderNode(stream.group);
    const target = stream.target;
    if (target === undefined) return;
    if (stream.session === 0) return this.#open(stream, target);
    const window = Math.min(stream.writes.length, SESSION_REPLIES_MAX / 2);
    const ackedBelow = this.#ackedBelow(stream);
    while (stream.sent < window) {
      const write = stream.writes[stream.sent] as Write;
      stream.sent += 1;
      if (!write.answered) this.#send(stream, write, target, ackedBelow);
      // A delivery to this very node may answer, or refuse, at once and rewind the stream.
      if (stream.target !== target) return;
    }
  }

  #send(stream: Stream, write: Write, target: NodeId, ackedBelow: number): void {
    if (write.sequence === 0) {
      write.sequence = stream.nextSequence;
      stream.nextSequence += 1;
    }
    // An answer to an earlier attempt is no longer waited for; whether it took effect the session will know.
    this.#waiting.delete(write.attempt);
    write.attempt = this.#host.nextNumber();
    write.open += 1;
    this.#waiting.set(write.attempt, { kind: "write", stream, write });
    stream.activeMs = this.#host.nowMs();
    const origin: CommandOrigin = { session: stream.session, sequence: write.sequence, ackedBelow };
    const { opcode } = write.request.spec;
    const { slot } = write.request;
    this.#host.deliver(target, { id: write.attempt, group: stream.group, opcode, slot, origin, args: write.args });
  }

  #ackedBelow(stream: Stream): number {
    const first = stream.writes.find((write) => !write.answered && write.sequence !== 0);
    return first === undefined ? stream.nextSequence : first.sequence;
  }

  #open(stream: Stream, target: NodeId): void {
    const id = this.#host.nextNumber();
    stream.opening = id;
    this.#waiting.set(id, { kind: "open", stream });
    stream.activeMs = this.#host.nowMs();
    const opcode = Opcode.sessionOpen;
    this.#host.deliver(target, { id, group: stream.group, opcode, slot: NO_SLOT, origin: undefined, args: [] });
  }

  #onOpened(stream: Stream, answer: Answer): void {
    if (stream.opening !== answer.id) return;
    stream.opening = 0;
    if (answer.reply?.type === "integer") {
      stream.session = Number(answer.reply.value);
      stream.nextSequence = 1;
      this.#pump(stream);
    } else {
      stream.target = undefined;
    }
  }

  #onWritten(stream: Stream, write: Write, answer: Answer): void {
    write.open -= 1;
    if (write.answered || write.attempt !== answer.id) return;
    stream.activeMs = this.#host.nowMs();
    const { reply } = answer;
    if (reply === undefined) return this.#rewind(stream);
    if (reply.type === "error") {
      if (reply.kind === SESSION_ERROR.gap || reply.kind === SESSION_ERROR.full) return this.#rewind(stream);
      if (reply.kind === INDETERMINATE.kind) {
        mark("forward: outcome asked for again");
        // Not the last word: sent again in its session, it is answered with what became of it.
        write.open += 1;
        return this.#rewind(stream);
      }
      if (reply.kind === SESSION_ERROR.unknown) return this.#abandon(stream);
      if (reply.kind === SESSION_ERROR.acknowledged) return this.#answer(stream, write, INDETERMINATE);
    }
    this.#answer(stream, write, reply);
    this.#pump(stream);
  }

  #answer(stream: Stream, write: Write, reply: Reply): void {
    write.answered = true;
    this.#hold(write, -1);
    this.#waiting.delete(write.attempt);
    while (stream.writes[0]?.answered === true) {
      stream.writes.shift();
      if (stream.sent > 0) stream.sent -= 1;
    }
    write.request.complete(reply);
  }

  /** Unanswered writes are sent again, from the first, to whoever leads then. */
  #rewind(stream: Stream): void {
    if (stream.sent > 0) mark("forward: unanswered writes sent again");
    this.#waiting.delete(stream.opening);
    stream.opening = 0;
    stream.sent = 0;
    stream.target = undefined;
  }

  /** The session is lost. Writes that may have run in it have an unknown outcome; the others begin in a new one. */
  #abandon(stream: Stream): void {
    mark("forward: session abandoned");
    const uncertain = stream.writes.filter((write) => !write.answered && write.open > 0);
    stream.writes = stream.writes.filter((write) => !write.answered && write.open === 0);
    for (const write of stream.writes) write.sequence = 0;
    stream.session = 0;
    this.#rewind(stream);
    for (const write of uncertain) this.#answer(stream, write, INDETERMINATE);
    this.#pump(stream);
  }

  /** The oldest write decides: those behind it can not be answered before it. */
  #expire(stream: Stream, now: number): void {
    const first = stream.writes.find((write) => !write.answered);
    if (first === undefined) return;
    if (first.open > 0) {
      if (now - first.bornMs >= REQUEST_MS_MAX) this.#abandon(stream);
      return;
    }
    const leaderless = stream.target === undefined;
    const bornBefore = now - (leaderless ? LEADERLESS_HOLD_MS : REQUEST_MS_MAX);
    if (first.bornMs > bornBefore) return;
    mark("forward: write expired unsent");
    const expired = stream.writes.filter((write) => !write.answered && write.open === 0 && write.bornMs <= bornBefore);
    for (const write of expired) {
      write.answered = true;
      this.#hold(write, -1);
    }
    // They leave the numbering, so the session can not go on.
    this.#abandon(stream);
    for (const write of expired) write.request.complete(leaderless ? NO_LEADER : NOT_TAKEN);
  }
}
