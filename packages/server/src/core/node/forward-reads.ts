import { FORWARD_RETRY_MS, type GroupId, type NodeId, REQUEST_MS_MAX } from "../base/index.ts";
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

/**
 * Reads of this node's clients for shards that another node leads. A read has no effect, so whenever its answer may not
 * come (the leader changed, the link broke, too much time went by) its attempt is forgotten and the read goes back to
 * the router, in the order in which the reads came.
 */
export class ForwardReads {
  readonly #host: ForwardHost;
  readonly #hold: (item: Rerouted, sign: 1 | -1) => void;
  readonly #byId: Map<number, Read> = new Map();
  /** Ids by group, in the order sent: a leader that changes must not cost a walk over all reads. */
  readonly #idsOf: Map<GroupId, Set<number>> = new Map();

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
    let ids = this.#idsOf.get(group);
    if (ids === undefined) {
      ids = new Set();
      this.#idsOf.set(group, ids);
    }
    ids.add(id);
    const { opcode } = request.spec;
    this.#host.deliver(target, { id, group, opcode, slot: request.slot, origin: undefined, args });
  }

  /** False: no answer to a read that is waited for. */
  onAnswer(answer: Answer): boolean {
    const read = this.#take(answer.id);
    if (read === undefined) return false;
    if (answer.reply === undefined) this.#host.requeue(read.group, [read]);
    else {
      if (answer.late === true) read.request.retried?.();
      read.request.complete(answer.reply);
    }
    return true;
  }

  /** What was sent to another node than the one that leads now: it might answer later than what is sent to the new one. */
  retarget(group: GroupId): void {
    const ids = this.#idsOf.get(group);
    if (ids === undefined) return;
    const leader = this.#host.leaderNode(group);
    this.#requeue(group, ids, (read) => read.target !== leader);
  }

  onLinkDown(node: NodeId): void {
    for (const [group, ids] of this.#idsOf) this.#requeue(group, ids, (read) => read.target === node);
  }

  tick(): void {
    const now = this.#host.nowMs();
    for (const [group, ids] of this.#idsOf) {
      this.#expire(ids, now - REQUEST_MS_MAX);
      // Links lose messages.
      this.#requeue(group, ids, (read) => now - read.sentMs >= FORWARD_RETRY_MS);
    }
  }

  #expire(ids: ReadonlySet<number>, bornBeforeMs: number): void {
    for (const id of ids) {
      const read = this.#byId.get(id) as Read;
      if (read.bornMs > bornBeforeMs) continue;
      this.#take(id);
      read.request.complete(TIMED_OUT);
    }
  }

  #requeue(group: GroupId, ids: ReadonlySet<number>, which: (read: Read) => boolean): void {
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
    const ids = this.#idsOf.get(read.group) as Set<number>;
    ids.delete(id);
    if (ids.size === 0) this.#idsOf.delete(read.group);
    this.#hold(read, -1);
    return read;
  }
}
