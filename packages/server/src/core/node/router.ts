import {
  type GroupId,
  LEADERLESS_HOLD_MS,
  mark,
  type NodeId,
  WAITING_BYTES_MAX,
  WAITING_REQUESTS_MAX,
} from "../base/index.ts";
import type { ErrorReply, Reply } from "../command/index.ts";
import type { Replica, Request, Rerouted } from "../replica/index.ts";
import { Refusal } from "./forward-in.ts";

/** What the router knows the cluster by. */
export interface RouterHost {
  /** When what is given to the router now arrived. */
  nowMs(): number;
  replicaOf(group: GroupId): Replica | undefined;
  /** The leader's node, if it is another one, known and reachable. */
  remoteLeader(group: GroupId): NodeId | undefined;
  /** `host:port` that a redirected client should use. */
  redirectAddress(node: NodeId): string;
  /** Why this node, leading the shard, will not run it; undefined: it will. */
  refusalOf(request: Request): ErrorReply | undefined;
  forward(group: GroupId, request: Request, args: readonly Uint8Array[], bornMs: number): void;
  /** As much is forwarded and unanswered as may be: what comes waits here, where waiting is bounded. */
  forwardsFull(): boolean;
  /** Writes of the group are under way by `forward`: later ones go the same way, or they might overtake. */
  forwardsWrites(group: GroupId): boolean;
}

const NO_LEADER: Reply = { type: "error", kind: "CLUSTERDOWN", text: "The shard has no leader" };
const TOO_MANY: Reply = { type: "error", kind: "CLUSTERDOWN", text: "Too many requests wait for the shard" };

/**
 * Finds the way of each request: to the replica here if it leads, to the leader's node, or back to a client that wants
 * redirections. What has no way yet waits in order; what waits is answered CLUSTERDOWN after LEADERLESS_HOLD_MS, which is
 * true: it certainly had no effect.
 */
export class Router {
  readonly #host: RouterHost;
  readonly #queues: Map<GroupId, Rerouted[]> = new Map();
  #waiting = 0;
  #waitingBytes = 0;

  constructor(host: RouterHost) {
    this.#host = host;
  }

  get waiting(): number {
    return this.#waiting;
  }

  route(group: GroupId, request: Request, args: readonly Uint8Array[]): void {
    const queue = this.#queues.get(group);
    const bornMs = this.#host.nowMs();
    if (queue === undefined && this.#dispatch(group, request, args, bornMs)) return;
    if (this.#waiting >= WAITING_REQUESTS_MAX || this.#waitingBytes >= WAITING_BYTES_MAX) {
      return refuse(request, TOO_MANY);
    }
    this.#push(group, [{ request, args, bornMs }]);
  }

  /**
   * What this node forwarded to itself, because by now it leads. It keeps its order by its session, and must not queue
   * behind requests that may be waiting for its answer.
   */
  routeOwn(group: GroupId, request: Request, args: readonly Uint8Array[]): void {
    if (!this.#dispatch(group, request, args, this.#host.nowMs())) request.giveBack?.();
  }

  /** Requests that had no effect where they were, before all that wait. */
  requeue(group: GroupId, items: readonly Rerouted[]): void {
    const again: Rerouted[] = [];
    for (const item of items) {
      if (item.request.giveBack !== undefined) item.request.giveBack();
      else {
        item.request.retried?.();
        again.push(item);
      }
    }
    if (again.length === 0) return;
    const queue = this.#queues.get(group) ?? [];
    this.#queues.delete(group);
    for (const item of queue) this.#count(item, -1);
    this.#push(group, again.concat(queue));
  }

  /** Something changed for the group (leader, link, room): tries again, in order. */
  drain(group: GroupId): void {
    const queue = this.#queues.get(group);
    if (queue === undefined) return;
    let done = 0;
    for (const item of queue) {
      if (!this.#dispatch(group, item.request, item.args, item.bornMs)) break;
      this.#count(item, -1);
      done += 1;
    }
    if (done === queue.length) this.#queues.delete(group);
    else if (done > 0) this.#queues.set(group, queue.slice(done));
  }

  tick(): void {
    const limit = this.#host.nowMs() - LEADERLESS_HOLD_MS;
    for (const group of Array.from(this.#queues.keys())) {
      this.drain(group);
      const queue = this.#queues.get(group) ?? [];
      const expired = queue.filter((item) => item.bornMs <= limit);
      if (expired.length === 0) continue;
      const kept = queue.filter((item) => item.bornMs > limit);
      if (kept.length === 0) this.#queues.delete(group);
      else this.#queues.set(group, kept);
      mark("router: no leader for too long");
      for (const item of expired) {
        this.#count(item, -1);
        refuse(item.request, NO_LEADER);
      }
    }
  }

  #push(group: GroupId, items: readonly Rerouted[]): void {
    const queue = this.#queues.get(group);
    if (queue === undefined) this.#queues.set(group, [...items]);
    else queue.push(...items);
    for (const item of items) this.#count(item, 1);
  }

  #count(item: Rerouted, sign: 1 | -1): void {
    this.#waiting += sign;
    for (const arg of item.args) this.#waitingBytes += sign * arg.length;
  }

  /** False: no way now. */
  #dispatch(group: GroupId, request: Request, args: readonly Uint8Array[], bornMs: number): boolean {
    const replica = this.#host.replicaOf(group);
    const writes = request.spec.flags.includes("write");
    const stays = writes && !request.redirect && request.giveBack === undefined && this.#host.forwardsWrites(group);
    if (replica !== undefined && !stays) {
      if (replica.leads) {
        if (!replica.accepts) return false;
        const refusal = this.#host.refusalOf(request);
        if (refusal !== undefined) refuseAsLeader(replica, request, refusal);
        else if (writes) replica.submitWrite(request, args);
        else replica.submitRead(request, args, bornMs);
        return true;
      }
      // It may yet turn out that what was proposed here has to be sent again: it goes first (redirected clients see to
      // their order themselves).
      if (writes && !request.redirect && request.giveBack === undefined && replica.unsettled) {
        mark("router: waits for unsettled writes");
        return false;
      }
      if (request.stale && !writes && replica.stopped === undefined) {
        replica.readStale(request, args, bornMs);
        return true;
      }
    }
    if (request.giveBack !== undefined) {
      request.giveBack();
      return true;
    }
    // Led here by now: what was forwarded before is answered first, then writes take the direct way again.
    if (stays) mark("router: write stays in the session");
    if (stays && replica?.leads === true) return false;
    const node = stays ? undefined : this.#host.remoteLeader(group);
    if (node === undefined && !stays) return false;
    if (!request.redirect && this.#host.forwardsFull()) return false;
    if (node !== undefined && request.redirect) {
      request.complete({ type: "error", kind: "MOVED", text: `${request.slot} ${this.#host.redirectAddress(node)}` });
    } else {
      this.#host.forward(group, request, args, bornMs);
    }
    return true;
  }
}

function refuse(request: Request, reply: Reply): void {
  if (request.giveBack !== undefined) request.giveBack();
  else request.complete(reply);
}

/** Nothing is numbered without a session: the error may be told at once. */
function refuseAsLeader(replica: Replica, request: Request, error: ErrorReply): void {
  if (request.origin === undefined) return request.complete(error);
  const refusal = new Refusal(request, request.origin, error);
  replica.submitWrite(refusal, refusal.args);
}
