import type { User } from "../access/index.ts";
import { CONNECTION_INFLIGHT_MAX, type GroupId } from "../base/index.ts";
import {
  admit,
  type CommandSpec,
  type ErrorReply,
  err,
  findCommand,
  isWrite,
  type Reply,
  SLOT_NOT_SERVED,
  shardCommandOf,
} from "../command/index.ts";
import type { NodeApi } from "../node/index.ts";
import { answerLocally } from "./answers/index.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { Later } from "./later.ts";
import { OpenRequest } from "./open-request.ts";
import { LOADING, refusalOf, requestRefusalOf } from "./permission.ts";
import { unknownOrRefused } from "./refusals.ts";
import { ReplyQueue } from "./reply-queue.ts";
import { Parsed, RequestParser } from "./request-parser.ts";
import { WatchRequest } from "./transaction-requests.ts";
import { Transactions } from "./transactions.ts";

/** A command of the connection itself that waits until everything before it is answered. */
interface HeldLocal {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
}

/**
 * The commands of one connection, from its input to whoever answers them: the node, or the connection itself.
 *
 * Order: a command that must wait (a read behind open writes of its shard, a write behind open reads, a command of the
 * connection behind anything) holds back all that follow it. It is looked at again at the end of the pass. Reads of a
 * shard run together; if the node has to try one again, those behind it are read again after it, because they may have
 * seen an older state than it will.
 *
 * Rules: each command is checked when it is taken from the input, and once more when it begins later than that and the
 * user's rules have changed meanwhile.
 */
export class CommandIntake {
  readonly parser: RequestParser;
  readonly replies: ReplyQueue;
  readonly #connection: Connection;
  readonly #connections: Connections;
  readonly #node: NodeApi;
  /** Open requests by group. */
  readonly #reads: number[] = [];
  readonly #writes: number[] = [];
  #held: OpenRequest | HeldLocal | undefined;
  /** By whose rules it was checked: other rules are another object. */
  #heldFor: User | undefined;
  /** A command of the connection that has no answer yet: nothing behind it is taken. It is the oldest place. */
  #later: Later | undefined;
  /** Undefined before the first MULTI or WATCH. */
  #transactions: Transactions | undefined;

  constructor(connection: Connection, connections: Connections) {
    this.#connection = connection;
    this.#connections = connections;
    this.#node = connections.node;
    this.parser = new RequestParser(connections.input, connections.access);
    this.replies = new ReplyQueue(connection.socket, this.#reads);
  }

  get transactions(): Transactions | undefined {
    return this.#transactions;
  }

  /** A command was taken from the input and has not begun. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /** Whether another command may begin: what is open, and what the client has not read, leave room for its reply. */
  get mayTake(): boolean {
    if (this.#later !== undefined) return false;
    const { unread, repeats, length } = this.replies;
    return !unread && repeats === 0 && length < CONNECTION_INFLIGHT_MAX;
  }

  /** Shards that were written to. */
  get groupsWritten(): GroupId[] {
    return [...this.#writes.keys()].filter((group) => this.#writes[group] !== undefined) as GroupId[];
  }

  /** The next command begins; false when there is none that can. */
  next(): boolean {
    return this.#held === undefined ? this.#take() : this.#retry();
  }

  /**
   * Begins reads again whose replies were not good or too much to hold. The client may have taken its time: they show what
   * the shard has now, and so must be allowed by the rules of now.
   */
  readAgain(): void {
    this.replies.readAgain((request) => {
      const refusal = requestRefusalOf(request, this.#connection, this.#connections);
      if (refusal === undefined) return this.#node.execute(request);
      request.complete(refusal);
      this.#node.requestPass();
    });
  }

  /** The command that waits is not run any more. */
  dropHeld(): void {
    this.#held = undefined;
  }

  /** A request has its reply. */
  answered(request: OpenRequest): void {
    const counts = request.write ? this.#writes : this.#reads;
    counts[request.group] = (counts[request.group] as number) - 1;
  }

  /** The client has gone. What is open goes on, unheard. */
  close(): void {
    this.parser.close();
    this.#transactions?.end();
    this.#later?.abandon();
    this.#later = undefined;
    this.replies.clear();
    this.#held = undefined;
  }

  /** One command of the input; false when there is none that can be taken. */
  #take(): boolean {
    const parser = this.parser;
    switch (parser.next()) {
      case Parsed.command:
        return this.#dispatch();
      case Parsed.refused:
        // It may have been meant for the transaction, which is not to be run without it.
        this.#transactions?.abort();
        return this.#answer(err(parser.problem));
      case Parsed.early:
        this.#transactions?.abort();
        return this.#answer(LOADING);
      case Parsed.broken:
        this.#answer(err(parser.problem));
        this.#connection.finish();
        return false;
      default:
        return false;
    }
  }

  /** False: the command must wait. */
  #dispatch(): boolean {
    const parser = this.parser;
    const count = parser.argCount;
    let spec = findCommand(parser.source, parser.from(0), parser.to(0));
    const args = new Array<Uint8Array>(count - 1);
    for (let i = 1; i < count; i += 1) args[i - 1] = parser.arg(i);
    if (spec?.opcode === 0) spec = shardCommandOf(spec, args);
    const connection = this.#connection;
    if (connection.user?.unrestricted !== true) {
      const refusal = refusalOf(connection, this.#connections, spec, args);
      if (refusal !== undefined) return this.#reject(spec, refusal);
    }
    this.#connections.commands += 1;
    connection.commands += 1;
    if (spec !== undefined) connection.lastCommand = spec;
    if (this.#connections.monitors.size > 0 && spec !== undefined) this.#show(spec, args);
    const refusal = connection.subscriber?.refusalOf(spec, args);
    if (refusal !== undefined) return this.#reject(spec, refusal);
    if (this.#transactions !== undefined) {
      const queued = this.#transactions.queue(spec, parser.arg(0), args);
      if (queued !== undefined) return queued.type === "error" ? this.#reject(spec, queued) : this.#answer(queued);
    }
    if (spec === undefined) return this.#reject(spec, unknownOrRefused(parser.arg(0), args));
    if (spec.opcode === 0) return this.#local(spec, args);
    const slot = admit(spec, args);
    if (typeof slot !== "number") return this.#reject(spec, slot);
    const group = this.#node.shardOf(slot);
    if (group === undefined) return this.#reject(spec, SLOT_NOT_SERVED);
    return this.#start(new OpenRequest(connection, spec, args, slot, group, isWrite(spec)));
  }

  #retry(): boolean {
    const held = this.#held as OpenRequest | HeldLocal;
    this.#held = undefined;
    const refusal = this.#refusalSince(held);
    if (refusal !== undefined) {
      // EXEC waits for what it found.
      if (held instanceof WatchRequest) held.giveUp();
      return this.#reject(held.spec, refusal);
    }
    return held instanceof OpenRequest ? this.#start(held) : this.#local(held.spec, held.args);
  }

  /** Why a command that was allowed when it was sent must not begin any more. */
  #refusalSince(held: OpenRequest | HeldLocal): ErrorReply | undefined {
    const connection = this.#connection;
    if (connection.user !== this.#heldFor) {
      const refusal =
        held instanceof OpenRequest
          ? requestRefusalOf(held, connection, this.#connections)
          : refusalOf(connection, this.#connections, held.spec, held.args);
      if (refusal !== undefined) return refusal;
    }
    // What it waited for may have been EXEC with SUBSCRIBE in it.
    return connection.subscriber?.refusalOf(held.spec, held.args);
  }

  /** Always false. */
  #hold(held: OpenRequest | HeldLocal): boolean {
    this.#held = held;
    this.#heldFor = this.#connection.user;
    return false;
  }

  #show(spec: CommandSpec, args: readonly Uint8Array[]): void {
    this.#connections.monitors.show(this.#connection, spec, args, this.#connections.facts.wallMs());
  }

  #start(request: OpenRequest): boolean {
    if (this.#connections.pause.holds(request.write)) return this.#hold(request);
    const group: GroupId = request.group;
    const mine = request.write ? this.#writes : this.#reads;
    const others = request.write ? this.#reads : this.#writes;
    if ((others[group] ?? 0) > 0) return this.#hold(request);
    mine[group] = (mine[group] ?? 0) + 1;
    this.replies.place(request);
    this.#node.execute(request);
    return true;
  }

  /** Such a command may change how later replies are written, so it runs when all before it have been. */
  #local(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    if (spec.group === "transactions") return this.#transact(spec, args);
    if (!this.replies.empty || this.#connections.pause.holdsCommand(spec)) return this.#hold({ spec, args });
    if (spec.flags.includes("fast")) return this.#answerLocally(spec, args);
    const { localTurns } = this.#connections;
    if (!localTurns.take(this.#connection)) return this.#hold({ spec, args });
    return localTurns.time(() => this.#answerLocally(spec, args));
  }

  #answerLocally(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    const answer = answerLocally(spec, args, this.#connection, this.#connections);
    return answer instanceof Later ? this.#await(answer) : this.#answer(answer);
  }

  #await(later: Later): boolean {
    if (later.reply !== undefined) return this.#answer(later.reply);
    this.#later = later;
    this.replies.place(later);
    later.await(() => this.#arrived(later));
    return true;
  }

  #arrived(later: Later): void {
    this.#later = undefined;
    this.replies.removeOnly(later);
    this.#connections.timer.answeredLate(later);
    this.#answer(later.reply as Reply);
    this.#connection.wake();
    this.#node.requestPass();
  }

  #transact(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    this.#transactions ??= new Transactions(this.#connection, this.#connections);
    const { localTurns } = this.#connections;
    if (spec.name !== "exec" || this.#transactions.limited === 0) return this.#step(spec, args);
    if (!localTurns.take(this.#connection)) return this.#hold({ spec, args });
    return localTurns.time(() => this.#step(spec, args));
  }

  #step(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    const transactions = this.#transactions as Transactions;
    const step = transactions.take(spec, args);
    if (step instanceof OpenRequest) return this.#start(step);
    if (step !== undefined) {
      this.#connections.timer.answeredLocally(spec, step, 0);
      return this.#answer(step);
    }
    return this.#hold({ spec, args });
  }

  #reject(spec: CommandSpec | undefined, reply: Reply): boolean {
    return this.#answer(this.#connections.refused(spec, reply));
  }

  /** Always true. */
  #answer(reply: Reply): boolean {
    if (reply.type === "error") this.#connections.statistics.recordError(reply.kind);
    this.replies.add(reply);
    return true;
  }
}
