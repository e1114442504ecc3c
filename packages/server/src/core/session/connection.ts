import type { User } from "../access/index.ts";
import { CONNECTION_OUTPUT_BYTES_PAUSE, type GroupId } from "../base/index.ts";
import { type CommandSpec, NIL, type Reply } from "../command/index.ts";
import type { NodeApi } from "../node/index.ts";
import { CommandIntake } from "./command-intake.ts";
import type { Connections } from "./connections.ts";
import type { OpenRequest, RequestOwner } from "./open-request.ts";
import { type PushedMessage, type Receiver, Subscriber } from "./pubsub/index.ts";
import type { ReplyQueue } from "./reply-queue.ts";
import type { RespVersion } from "./reply-writer.ts";
import type { RequestParser } from "./request-parser.ts";
import type { ClientSocket, ConnectionLoad } from "./types.ts";

/**
 * One client's connection: who it is, what it said about itself, and its bytes. Gives them to `CommandIntake` as long as the
 * client takes the replies and nothing else speaks against it, and closes when all that was taken is answered.
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
  readonly #intake: CommandIntake;
  readonly #parser: RequestParser;
  #user: User | undefined;
  readonly #replies: ReplyQueue;
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
    this.#intake = new CommandIntake(this, connections);
    this.#parser = this.#intake.parser;
    this.#replies = this.#intake.replies;
    this.user = connections.access.initial;
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
    this.#intake.transactions?.end();
  }

  /** What is queued behind MULTI is not run any more; false: nothing is. */
  abortTransaction(): boolean {
    return this.#intake.transactions?.abort() === true;
  }

  /** Its user is gone: nothing more is run, nor read again. What is open is still answered, then it closes. */
  dismiss(): void {
    this.user = undefined;
    this.#intake.dropHeld();
    this.finish();
    this.#list();
    this.#node.requestPass();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Commands that have no answer yet. */
  get open(): number {
    return this.#replies.length;
  }

  /** Whether a command waits for its answer, or to be taken. */
  get busy(): boolean {
    return this.#replies.length > 0 || this.#intake.holds;
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
    const { transactions } = this.#intake;
    return {
      bufferedBytes: this.#parser.bufferedBytes,
      spareBytes: this.#parser.spareBytes,
      queued: transactions?.queued ?? -1,
      queuedBytes: transactions?.queuedBytes ?? 0,
      watched: transactions?.watched ?? 0,
      outputBytes: this.#replies.out.length,
      outputCapacityBytes: this.#replies.out.capacityBytes,
      waitingBytes: this.#replies.waitingBytes,
      open: this.#replies.length,
    };
  }

  /** Shards that it has written to. */
  get groupsWritten(): GroupId[] {
    return this.#intake.groupsWritten;
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
    this.#intake.close();
    this.subscriber?.end();
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
    this.#connections.stopDeciding();
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
    this.#intake.answered(request);
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

  postponed(request: OpenRequest, bytes: number): void {
    // Nobody hears the reply any more.
    if (this.#closed) return request.complete(NIL);
    this.#replies.postponed(request, bytes);
    this.#list();
  }

  /** Takes commands as long as there are any and nothing speaks against it, then sends what has been answered. */
  #run(): void {
    if (this.#running || this.#closed) return;
    if (this.#user === undefined && this.#connections.access.undecided) {
      this.#waiting = !this.#parser.empty;
      return;
    }
    this.#running = true;
    let more = true;
    while (more && !this.#finishing && this.#intake.mayTake) {
      more = this.#intake.next();
      if (this.#replies.out.length > CONNECTION_OUTPUT_BYTES_PAUSE) this.#flush();
    }
    this.#running = false;
    this.#waiting = more || this.#intake.holds;
    this.#flush();
    if (this.#replies.repeats > 0 && !this.#replies.unread) {
      this.#intake.readAgain();
      // Those that may not be read any more are answered.
      this.#flush();
    }
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

  #list(): void {
    if (this.#listed) return;
    this.#listed = true;
    this.#connections.list(this);
  }

  #flush(): void {
    this.#connections.outputBytes += this.#replies.flush();
  }
}
