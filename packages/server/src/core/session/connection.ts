import type { User } from "../access/index.ts";
import { CONNECTION_INFLIGHT_MAX, CONNECTION_OUTPUT_BYTES_PAUSE, type GroupId } from "../base/index.ts";
import {
  admit,
  type CommandSpec,
  err,
  findCommand,
  isWrite,
  type Reply,
  SLOT_NOT_SERVED,
  shardCommandOf,
} from "../command/index.ts";
import type { NodeApi } from "../node/index.ts";
import { answerLocally } from "./answers/index.ts";
import type { Connections } from "./connections.ts";
import { Later } from "./later.ts";
import { OpenRequest, type RequestOwner } from "./open-request.ts";
import { refusalOf } from "./permission.ts";
import { type PushedMessage, type Receiver, Subscriber } from "./pubsub/index.ts";
import { unknownOrRefused } from "./refusals.ts";
import { ReplyQueue } from "./reply-queue.ts";
import type { RespVersion } from "./reply-writer.ts";
import { Parsed, RequestParser } from "./request-parser.ts";
import { Transactions } from "./transactions.ts";
import type { ClientSocket, ConnectionLoad } from "./types.ts";

/** A command of the connection itself that waits until everything before it is answered. */
interface HeldLocal {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
}

/**
 * One client's connection: takes commands from its bytes, gives them to the node, sends the replies in the same order.
 *
 * Order: a command that must wait (a read behind open writes of its shard, a write behind open reads, a command of the
 * connection behind anything) holds back all that follow it. It is looked at again at the end of the pass. Reads of a
 * shard run together; if the node has to try one again, those behind it are read again after it, because they may have
 * seen an older state than it will.
 */
export class Connection implements RequestOwner, Receiver {
  readonly id: number;
  readonly redirect: boolean;
  readonly socket: ClientSocket;
  readonly openedMs: number;
  /** What the client says about itself. */
  name = "";
  libraryName = "";
  libraryVersion = "";
  /** READONLY: any replica's answer will do. */
  stale = false;
  /** Wrong passwords so far. */
  authFailures = 0;
  /** MONITOR: is shown what other clients send. */
  monitors = false;
  /** When something last arrived; as `Connections.nowMs`. */
  activeMs: number;
  /** Bytes that arrived, and commands that they were. */
  inputBytes = 0;
  commands = 0;
  lastCommand: CommandSpec | undefined;
  /** Undefined before the first subscription. */
  subscriber: Subscriber | undefined;

  readonly #node: NodeApi;
  readonly #connections: Connections;
  readonly #parser: RequestParser;
  #user: User | undefined;
  /** Open requests by group. */
  readonly #reads: number[] = [];
  readonly #writes: number[] = [];
  readonly #replies: ReplyQueue;
  #held: OpenRequest | HeldLocal | undefined;
  /** A command of the connection that has no answer yet: nothing behind it is taken. It is the oldest place. */
  #later: Later | undefined;
  /** Undefined before the first MULTI or WATCH. */
  #transactions: Transactions | undefined;
  #running = false;
  /** Listed with `Connections` for the end of this pass. */
  #listed = false;
  #paused = false;
  /** There is input that could not be taken yet. */
  #waiting = false;
  /** No further commands; the socket closes when the open ones are answered. */
  #finishing = false;
  /** The client has closed its side, or has had its time: what arrives from now on is not taken. */
  #ended = false;
  /** The node stops: the socket closes at the first moment that suits the client. */
  #retiring = false;
  #closed = false;

  constructor(id: number, socket: ClientSocket, redirect: boolean, node: NodeApi, connections: Connections) {
    this.id = id;
    this.socket = socket;
    this.redirect = redirect;
    this.openedMs = connections.facts.wallMs();
    this.activeMs = connections.nowMs;
    this.#node = node;
    this.#connections = connections;
    this.#parser = new RequestParser(connections.input);
    this.user = connections.access.initial;
    this.#replies = new ReplyQueue(socket, this.#reads);
  }

  get resp(): RespVersion {
    return this.#replies.out.resp;
  }

  set resp(version: RespVersion) {
    this.#replies.out.resp = version;
  }

  /** Undefined: it has to authenticate. */
  get user(): User | undefined {
    return this.#user;
  }

  set user(user: User | undefined) {
    this.#user = user;
    this.#parser.stranger = user === undefined;
  }

  arrivalUs(): number {
    return this.#connections.timer.arrivalUs();
  }

  /** It is about to subscribe to something. */
  subscribe(): Subscriber {
    this.subscriber ??= new Subscriber(this, this.#connections.pubsub);
    return this.subscriber;
  }

  /** Replies and messages that the system has not taken. */
  get unsentBytes(): number {
    return this.#replies.out.length + this.#replies.waitingBytes + this.socket.pendingBytes;
  }

  /** Sends a channel's message: beside the replies in RESP3, in their order in RESP2. */
  push(message: PushedMessage): void {
    if (this.#closed || this.#finishing) return;
    if (!this.#replies.push(message)) return;
    if (this.#replies.out.length > CONNECTION_OUTPUT_BYTES_PAUSE && !this.#running) this.#flush();
    this.#list();
    this.#node.requestPass();
  }

  /** Forgets what MULTI queued and WATCH watches. */
  endTransaction(): void {
    this.#transactions?.end();
  }

  /** What is queued behind MULTI is not run any more; false: nothing is. */
  abortTransaction(): boolean {
    return this.#transactions?.abort() === true;
  }

  /** Its user is gone: nothing more is run. What is open is still answered, then it closes. */
  dismiss(): void {
    this.#held = undefined;
    this.finish();
    this.#list();
    this.#node.requestPass();
  }

  /** Commands that have no answer yet. */
  get open(): number {
    return this.#replies.length;
  }

  /** Whether a command waits for its answer, or to be taken. */
  get busy(): boolean {
    return this.#replies.length > 0 || this.#held !== undefined;
  }

  /** It has not to send anything: MONITOR, or subscriptions. */
  get listens(): boolean {
    return this.monitors || (this.subscriber !== undefined && this.subscriber.total > 0);
  }

  /** A command has begun to arrive. */
  get unfinished(): boolean {
    return !this.#parser.empty;
  }

  /** What CLIENT LIST tells. */
  get load(): ConnectionLoad {
    return {
      bufferedBytes: this.#parser.bufferedBytes,
      spareBytes: this.#parser.spareBytes,
      queued: this.#transactions?.queued ?? -1,
      queuedBytes: this.#transactions?.queuedBytes ?? 0,
      watched: this.#transactions?.watched ?? 0,
      outputBytes: this.#replies.out.length,
      outputCapacityBytes: this.#replies.out.capacityBytes,
      waitingBytes: this.#replies.waitingBytes,
      open: this.#replies.length,
    };
  }

  /** Shards that it has written to. */
  get groupsWritten(): GroupId[] {
    return [...this.#writes.keys()].filter((group) => this.#writes[group] !== undefined) as GroupId[];
  }

  /** CLIENT REPLY OFF. */
  get isSilent(): boolean {
    return this.#replies.isSilent;
  }

  /** CLIENT REPLY: so many of the next replies, the one to this command included, are not sent. */
  silence(replies: number): void {
    this.#replies.silence(replies);
  }

  /** Sends something that is not the reply to a command, between replies. */
  tell(reply: Reply): void {
    this.#replies.out.reply(reply);
    this.#list();
    this.#node.requestPass();
  }

  /** Another client, or a limit, closes it at once. What is open goes on, unheard. */
  kill(): void {
    this.#finishing = true;
    this.socket.destroy();
    this.onClose();
  }

  /** At the end of this pass it is seen what can be taken. */
  wake(): void {
    this.#list();
  }

  /** Takes the chunk over: nobody may write into it afterwards. */
  onData(chunk: Uint8Array): void {
    if (this.#closed || this.#finishing || this.#ended) return;
    this.activeMs = this.#connections.nowMs;
    this.inputBytes += chunk.length;
    this.#connections.inputBytes += chunk.length;
    this.#parser.push(chunk);
    // Most waits end within the pass, so only a client that goes on sending is stopped. What cannot be taken stays in
    // the system's buffers then, where the client feels it.
    if (this.#waiting && !this.#paused) {
      this.#paused = true;
      this.socket.pause();
    }
    this.#run();
  }

  /** The client has read everything. */
  onDrain(): void {
    this.#replies.drained();
    this.#run();
  }

  /** The client closed its side; what it sent before is still answered. */
  onEnd(): void {
    this.#ended = true;
    this.#run();
  }

  /** The socket is gone. What is open goes on, unheard. */
  onClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parser.close();
    this.endTransaction();
    this.subscriber?.end();
    this.#later?.abandon();
    this.#later = undefined;
    this.#replies.clear();
    this.#held = undefined;
    if (this.monitors) this.#connections.monitors.remove(this);
    this.#connections.remove(this);
  }

  /** No further commands; closes when all that are open are answered and sent. */
  finish(): void {
    this.#finishing = true;
  }

  /**
   * A shutdown begins: serves as before, until nothing is open and nothing has begun to arrive, and closes then. A client
   * that is told to go elsewhere, or waits for its replies, loses nothing.
   */
  retire(): void {
    this.#retiring = true;
    this.#connections.unpause();
    this.#run();
  }

  /** A shutdown that can not wait any longer: what has arrived is still answered, then the connection closes. */
  shutDown(): void {
    this.#ended = true;
    this.#run();
  }

  onPassEnd(): void {
    this.#listed = false;
    this.#run();
  }

  /** A request has its reply: writes it, and those that waited for it. */
  settled(request: OpenRequest): void {
    if (!this.#closed && this.#replies.dropped(request)) return this.#list();
    this.#connections.timer.answered(request);
    const counts = request.write ? this.#writes : this.#reads;
    counts[request.group] = (counts[request.group] as number) - 1;
    if (this.#closed || !this.#replies.settled(request) || this.#running) return;
    // Inside a pass the node is not asked for more; the end of the pass continues.
    if (this.#replies.out.length > CONNECTION_OUTPUT_BYTES_PAUSE) this.#flush();
    this.#list();
  }

  retried(request: OpenRequest): void {
    // Overtaken already: then so are those behind it, and nothing came since.
    if (this.#closed || request.write || request.overtaken) return;
    this.#replies.overtake(request);
    this.#list();
  }

  /** Takes commands as long as there are any and nothing speaks against it, then sends what has been answered. */
  #run(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    let more = true;
    while (more && this.#mayTake()) {
      more = this.#held === undefined ? this.#take() : this.#retry();
      if (this.#replies.out.length > CONNECTION_OUTPUT_BYTES_PAUSE) this.#flush();
    }
    this.#running = false;
    this.#waiting = more || this.#held !== undefined;
    this.#flush();
    if (this.#replies.repeats > 0 && !this.#replies.unread) this.#replies.readAgain(this.#node);
    const over = !this.busy && this.#isOver(more);
    if (over) this.#finishing = true;
    // Also when it is over: a socket that closes with unread input is reset, and the last replies may be lost with it.
    if (this.#paused && (over || !this.#waiting)) {
      this.#paused = false;
      this.socket.resume();
    }
    if (over) this.socket.close();
  }

  #isOver(more: boolean): boolean {
    if (this.#finishing) return true;
    return !more && (this.#ended || (this.#retiring && this.#parser.empty));
  }

  #mayTake(): boolean {
    if (this.#later !== undefined || this.#finishing) return false;
    const { unread, repeats, length } = this.#replies;
    return !unread && repeats === 0 && length < CONNECTION_INFLIGHT_MAX;
  }

  /** One command of the input; false when there is none that can be taken. */
  #take(): boolean {
    const parser = this.#parser;
    switch (parser.next()) {
      case Parsed.command:
        return this.#dispatch();
      case Parsed.refused:
        // It may have been meant for the transaction, which is not to be run without it.
        this.abortTransaction();
        return this.#answer(err(parser.problem));
      case Parsed.broken:
        this.#answer(err(parser.problem));
        this.finish();
        return false;
      default:
        return false;
    }
  }

  /** False: the command must wait. */
  #dispatch(): boolean {
    const parser = this.#parser;
    const count = parser.argCount;
    let spec = findCommand(parser.source, parser.from(0), parser.to(0));
    const args = new Array<Uint8Array>(count - 1);
    for (let i = 1; i < count; i += 1) args[i - 1] = parser.arg(i);
    if (spec?.opcode === 0) spec = shardCommandOf(spec, args);
    if (this.#user?.unrestricted !== true) {
      const refusal = refusalOf(this, this.#connections, spec, args);
      if (refusal !== undefined) return this.#reject(spec, refusal);
    }
    this.#connections.commands += 1;
    this.commands += 1;
    if (spec !== undefined) this.lastCommand = spec;
    if (this.#connections.monitors.size > 0 && spec !== undefined) this.#show(spec, args);
    const refusal = this.subscriber?.refusalOf(spec, args);
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
    return this.#start(new OpenRequest(this, spec, args, slot, group, isWrite(spec)));
  }

  #retry(): boolean {
    const held = this.#held as OpenRequest | HeldLocal;
    this.#held = undefined;
    // What it waited for may have been EXEC with SUBSCRIBE in it.
    const refusal = this.subscriber?.refusalOf(held.spec, held.args);
    if (refusal !== undefined) return this.#reject(held.spec, refusal);
    return held instanceof OpenRequest ? this.#start(held) : this.#local(held.spec, held.args);
  }

  #show(spec: CommandSpec, args: readonly Uint8Array[]): void {
    this.#connections.monitors.show(this, spec, args, this.#connections.facts.wallMs());
  }

  #start(request: OpenRequest): boolean {
    if (this.#connections.pause.holds(request.write)) {
      this.#held = request;
      return false;
    }
    const group: GroupId = request.group;
    const mine = request.write ? this.#writes : this.#reads;
    const others = request.write ? this.#reads : this.#writes;
    if ((others[group] ?? 0) > 0) {
      this.#held = request;
      return false;
    }
    mine[group] = (mine[group] ?? 0) + 1;
    this.#replies.place(request);
    this.#node.execute(request);
    return true;
  }

  /** Such a command may change how later replies are written, so it runs when all before it have been. */
  #local(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    if (spec.group === "transactions") return this.#transact(spec, args);
    if (!this.#replies.empty || this.#connections.pause.holdsCommand(spec)) {
      this.#held = { spec, args };
      return false;
    }
    const answer = answerLocally(spec, args, this, this.#connections);
    return answer instanceof Later ? this.#await(answer) : this.#answer(answer);
  }

  #await(later: Later): boolean {
    if (later.reply !== undefined) return this.#answer(later.reply);
    this.#later = later;
    this.#replies.place(later);
    later.await(() => this.#arrived(later));
    return true;
  }

  #arrived(later: Later): void {
    this.#later = undefined;
    this.#replies.removeOnly(later);
    this.#connections.timer.answeredLate(later);
    this.#answer(later.reply as Reply);
    this.#list();
    this.#node.requestPass();
  }

  #transact(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    this.#transactions ??= new Transactions(this, this.#connections);
    const step = this.#transactions.take(spec, args);
    if (step instanceof OpenRequest) return this.#start(step);
    if (step !== undefined) {
      this.#connections.timer.answeredLocally(spec, step, 0);
      return this.#answer(step);
    }
    this.#held = { spec, args };
    return false;
  }

  #reject(spec: CommandSpec | undefined, reply: Reply): boolean {
    return this.#answer(this.#connections.refused(spec, reply));
  }

  /** Always true. */
  #answer(reply: Reply): boolean {
    if (reply.type === "error") {
      this.#connections.errors += 1;
      this.#connections.statistics.recordError(reply.kind);
    }
    this.#replies.add(reply);
    return true;
  }

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.#connections.list(this);
  }

  #flush(): void {
    this.#connections.outputBytes += this.#replies.flush();
  }
}
