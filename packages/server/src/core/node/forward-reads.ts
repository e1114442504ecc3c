import { FORWARD_OVERTAKEN_MS, FORWARD_RETRY_MS, type GroupId, type NodeId, REQUEST_MS_MAX } from "../base/index.ts";
import { errorReply, type Reply } from "../command/index.ts";
import type { Request, Rerouted } from "../replica/index.ts";
import type { ForwardHost } from "./forward-out.ts";
import type { Answer } from "./messages.ts";

const TIMED_OUT: Reply = errorReply("CLUSTERDOWN", "The read could not be confirmed in time");

interface Read extends Rerouted {
  readonly group: GroupId;
  readonly target: NodeId;
  readonly sentMs: number;
}

/** Reads of one group that are under way. */
interface GroupReads {
  /** In the order sent. */
  readonly ids: Set<number>;
  /** When an answer last came, ... */
  heardMs: number;
  /** ... and when the youngest read that has one was sent. */
  answeredSentMs: number;
}

/**
 * Reads of this node's clients for shards that another node leads. A read has no effect, so whenever its answer may not
 * come (the leader changed, the link broke, too much time went by) its attempt is forgotten and the read goes back to
 * the router, in the order in which the reads came.
 */
export class ForwardReads {
  readonly #host: ForwardHost;
  readonly #hold: (item: Rerouted, sign: 1 | -1) => void;
  readonly #byId: Map<number, Read> = new Map();
  /** A leader that changes must not cost a walk over all reads. */
  readonly #groups: Map<GroupId, GroupReads> = new Map();
  /** In the order in which they came back. */
  #givenBack: Map<GroupId, Read[]> = new Map();

  constructor(host: ForwardHost, hold: (item: Rerouted, sign: 1 | -1) => void) {
    this.#host = host;
    this.#hold = hold;
  }

  get open(): number {
    return this.#byId.size;
  }

  send(group: GroupId, target: NodeId, request: Request, args: readonly Uint8Array[], bornMs: number): void {
    const id = this.#host.nextNumber();
    const read: Read = { group, target, request, args, bornMs, sentMs: this.#host.nowMs() };
    this.#hold(read, 1);
    this.#byId.set(id, read);
    let reads = this.#groups.get(group);
    if (reads === undefined) {
      reads = { ids: new Set(), heardMs: Number.NEGATIVE_INFINITY, answeredSentMs: Number.NEGATIVE_INFINITY };
      this.#groups.set(group, reads);
    }
    reads.ids.add(id);
    const { client, slot, spec } = request;
    const of = typeof client === "number" ? { client } : {};
    this.#host.deliver(target, { id, group, opcode: spec.opcode, slot, origin: undefined, ...of, args });
  }

  /** False: no answer to a read that is waited for. */
  onAnswer(answer: Answer): boolean {
    const read = this.#take(answer.id);
    if (read === undefined) return false;
    const reads = this.#groups.get(read.group);
    if (reads !== undefined) {
      reads.heardMs = this.#host.nowMs();
      reads.answeredSentMs = Math.max(reads.answeredSentMs, read.sentMs);
    }
    const { request } = read;
    if (answer.reply !== undefined) {
      if (answer.late === true) request.retried?.();
      request.complete(answer.reply);
    } else if (answer.tooLargeBytes !== undefined && request.postpone !== undefined) {
      request.postpone(answer.tooLargeBytes);
    } else {
      this.#giveBack(read);
    }
    return true;
  }

  /** Once a pass: those that came back since go to the router together, which may have thousands before them. */
  returnGivenBack(): void {
    if (this.#givenBack.size === 0) return;
    const givenBack = this.#givenBack;
    this.#givenBack = new Map();
    for (const [group, reads] of givenBack) this.#host.requeue(group, reads);
  }

  #giveBack(read: Read): void {
    const reads = this.#givenBack.get(read.group);
    if (reads === undefined) this.#givenBack.set(read.group, [read]);
    else reads.push(read);
  }

  /** What was sent to another node than the one that leads now: it might answer later than what is sent to the new one. */
  retarget(group: GroupId): void {
    const reads = this.#groups.get(group);
    if (reads === undefined) return;
    const leader = this.#host.leaderNode(group);
    this.#requeue(group, reads, (read) => read.target !== leader);
  }

  onLinkDown(node: NodeId): void {
    for (const [group, reads] of this.#groups) this.#requeue(group, reads, (read) => read.target === node);
  }

  tick(): void {
    const now = this.#host.nowMs();
    for (const [group, reads] of this.#groups) {
      this.#expire(reads, now - REQUEST_MS_MAX);
      this.#requeue(group, reads, (read) => isLost(read, reads, now));
    }
  }

  #expire({ ids }: GroupReads, bornBeforeMs: number): void {
    for (const id of ids) {
      const read = this.#byId.get(id) as Read;
      if (read.bornMs > bornBeforeMs) continue;
      this.#take(id);
      read.request.complete(TIMED_OUT);
    }
  }

  #requeue(group: GroupId, { ids }: GroupReads, which: (read: Read) => boolean): void {
    const taken: Read[] = [];
    for (const id of ids) {
      const read = this.#byId.get(id) as Read;
      if (!which(read)) continue;
      this.#take(id);
      taken.push(read);
    }
    if (taken.length > 0) this.#host.requeue(group, taken);
  }

  #take(id: number): Read | undefined {
    const read = this.#byId.get(id);
    if (read === undefined) return undefined;
    this.#byId.delete(id);
    const { ids } = this.#groups.get(read.group) as GroupReads;
    ids.delete(id);
    if (ids.size === 0) this.#groups.delete(read.group);
    this.#hold(read, -1);
    return read;
  }
}

/**
 * Links lose messages: nothing is heard, or reads that were sent much later have their answers. One whose turn has not
 * come is not lost: sent again it would wait once more, behind answers to attempts that nobody waits for any more.
 */
function isLost(read: Read, { heardMs, answeredSentMs }: GroupReads, nowMs: number): boolean {
  const silentMs = nowMs - Math.max(read.sentMs, heardMs);
  return silentMs >= FORWARD_RETRY_MS || answeredSentMs - read.sentMs >= FORWARD_OVERTAKEN_MS;
}
