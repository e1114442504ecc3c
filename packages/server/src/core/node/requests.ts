import { assert, type GroupId, META_GROUP, type NodeId } from "../base/index.ts";
import { type CommandSpec, type ErrorReply, errorReply } from "../command/index.ts";
import type { Env, PeerLinks } from "../env/index.ts";
import type { ClusterMap } from "../meta/index.ts";
import type { Replica, Request, Rerouted } from "../replica/index.ts";
import { AnswersOut } from "./answers-out.ts";
import { ArrivalClock } from "./arrival-clock.ts";
import { ForwardedRequest, ForwardIn } from "./forward-in.ts";
import { ForwardOut } from "./forward-out.ts";
import { type Answer, encodeForward, type Forward } from "./messages.ts";
import { Router } from "./router.ts";

export interface RequestsHost {
  readonly self: NodeId;
  /** As people know the node. */
  readonly name: string;
  readonly env: Env;
  readonly links: PeerLinks;
  commandOf(opcode: number): CommandSpec | undefined;
  map(): ClusterMap;
  nextNumber(): number;
  replicaOf(group: GroupId): Replica | undefined;
  /** The node that leads the group, this one or another, if it is known and can be reached. */
  reachableLeader(group: GroupId): NodeId | undefined;
  diskFull(): boolean;
  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void;
}

/**
 * The ways of requests through the node: from clients and other nodes to the replicas here, to other nodes, and back.
 * Ties together the router, what this node forwards, and what is forwarded to it (perhaps by itself).
 */
export class Requests {
  readonly #host: RequestsHost;
  readonly #arrivals: ArrivalClock;
  readonly #router: Router;
  readonly #out: ForwardOut;
  readonly #in: ForwardIn;
  readonly #answers: AnswersOut;
  /** Answers of this node to itself: given in the next pass, never inside the call that asked. */
  #selfAnswers: Answer[] = [];

  constructor(host: RequestsHost) {
    this.#host = host;
    this.#answers = new AnswersOut(host.links);
    const nowMs = (): number => host.env.monotonicMs();
    this.#arrivals = new ArrivalClock(nowMs);
    this.#out = new ForwardOut({
      nowMs,
      nextNumber: () => host.nextNumber(),
      leaderNode: (group) => host.reachableLeader(group),
      deliver: (to, forward) => this.#deliver(to, forward),
      requeue: (group, items) => this.#router.requeue(group, items),
    });
    this.#router = new Router({
      nowMs: () => this.#arrivals.nowMs(),
      replicaOf: (group) => host.replicaOf(group),
      remoteLeader: (group) => {
        const node = host.reachableLeader(group);
        return node === host.self ? undefined : node;
      },
      redirectAddress: (node) => this.#redirectAddress(node),
      refusalOf: (request) => this.#refusalOf(request),
      forward: (group, request, args, bornMs) => this.#forward(group, request, args, bornMs),
      forwardsWrites: (group) => this.#out.busy(group),
      forwardsFull: () => this.#out.full,
    });
    this.#in = new ForwardIn({
      self: host.self,
      complain: (key, message, fields) => host.complain(key, message, fields),
      commandOf: (opcode) => host.commandOf(opcode),
      answer: (to, answer, repeatable) => this.#answer(to, answer, repeatable),
      route: (group, request, args, own) => {
        if (own) this.#router.routeOwn(group, request, args);
        else this.#router.route(group, request, args);
      },
    });
  }

  /** Requests that wait for a way. */
  get waiting(): number {
    return this.#router.waiting;
  }

  /** Requests that were forwarded and have no answer yet. */
  get forwarded(): number {
    return this.#out.open;
  }

  /** All that were forwarded, attempts that came back and were forwarded again included. */
  get forwardedTotal(): number {
    return this.#out.taken;
  }

  /** As INFO shows them. Answers to other nodes: those that wait for room on their link, and those that were too many. */
  get numbers(): Readonly<Record<string, number>> {
    return {
      requests_waiting: this.waiting,
      forwards_open: this.forwarded,
      forwards_total: this.forwardedTotal,
      answers_held_bytes: this.#answers.heldBytes,
      answers_postponed_total: this.#answers.postponed,
      answers_dropped: this.#answers.dropped,
    };
  }

  route(group: GroupId, request: Request, args: readonly Uint8Array[]): void {
    this.#router.route(group, request, args);
  }

  /** See `ReplicaHost.reroute`. */
  reroute(group: GroupId, items: readonly Rerouted[]): void {
    if (items.length > 0) this.#router.requeue(group, items);
  }

  /** The group's leader changed, or a link came or went. */
  retry(group: GroupId): void {
    this.#out.retarget(group);
    this.#router.drain(group);
  }

  /** What waited for writes of the group to be settled need not wait any more. */
  settled(group: GroupId): void {
    this.#router.drain(group);
  }

  onForward(from: NodeId, forward: Forward): void {
    this.#in.receive(from, forward);
  }

  onAnswer(answer: Answer): void {
    this.#out.onAnswer(answer);
  }

  onLinkDown(node: NodeId): void {
    this.#answers.onLinkDown(node);
    this.#out.onLinkDown(node);
  }

  /** Once a pass, before the replicas have their turn: what came back from other nodes, and answers to itself. */
  takeBack(): void {
    this.#arrivals.moveOn();
    const answers = this.#selfAnswers;
    this.#selfAnswers = [];
    for (const answer of answers) this.#out.onAnswer(answer);
    this.#out.returnGivenBack();
  }

  /** At the end of each pass, after the links were flushed. */
  pumpAnswers(): void {
    this.#arrivals.moveOn();
    this.#answers.pump();
  }

  tick(): void {
    this.#router.tick();
    this.#out.tick();
  }

  #refusalOf(request: Request): ErrorReply | undefined {
    if (request instanceof ForwardedRequest && request.refusal !== undefined) return request.refusal;
    if (!this.#host.diskFull() || !request.spec.flags.includes("denyoom")) return undefined;
    return errorReply(
      "MISCONF",
      `The disk of node ${this.#host.name} is nearly full, so writes that add data are refused. Free some space; deletes still work.`,
    );
  }

  #forward(group: GroupId, request: Request, args: readonly Uint8Array[], bornMs: number): void {
    const target = this.#host.reachableLeader(group);
    // The meta group has no sessions: what it takes is harmless when repeated.
    const inSession = request.spec.flags.includes("write") && group !== META_GROUP;
    if (inSession) return this.#out.write(group, request, args, bornMs);
    assert(target !== undefined, "the router forwards a read to a leader that can be reached");
    this.#out.read(group, target, request, args, bornMs);
  }

  #redirectAddress(node: NodeId): string {
    const addresses = this.#host.map().nodes.get(node)?.addresses;
    return addresses === undefined ? "" : `${addresses.host}:${addresses.clusterPort}`;
  }

  #deliver(to: NodeId, forward: Forward): void {
    if (to === this.#host.self) this.#in.receive(to, forward);
    else this.#host.links.send(to, encodeForward(forward));
    this.#host.env.requestPass();
  }

  #answer(to: NodeId, answer: Answer, repeatable: boolean): void {
    if (to === this.#host.self) this.#selfAnswers.push(answer);
    else this.#answers.send(to, answer, repeatable);
    this.#host.env.requestPass();
  }
}
