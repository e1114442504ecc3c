import { assert, type GroupId, type Slot } from "../base/index.ts";
import { type CommandSpec, type Reply, replyBytes } from "../command/index.ts";
import type { Request } from "../node/index.ts";
import type { CommandStatistics } from "./command-statistics.ts";
import { recordReply } from "./command-timer.ts";
import type { ClientSocket } from "./types.ts";

/** A reply's place in the order of its connection. */
export class ReplyPlace {
  reply: Reply | undefined;
  /** The place behind this one. */
  next: ReplyPlace | undefined;

  constructor(reply: Reply | undefined) {
    this.reply = reply;
    this.next = undefined;
  }
}

/** Who is told that a request is answered. */
export interface RequestOwner {
  readonly socket: Pick<ClientSocket, "remoteAddress">;
  readonly id: number;
  /** As the client calls itself. */
  readonly name: string;
  /** It is gone. */
  readonly closed: boolean;
  readonly redirect: boolean;
  readonly stale: boolean;
  /** Now, as `CommandTimer` tells it. */
  arrivalUs(): number;
  settled(request: OpenRequest): void;
  /** The node tries this read again. */
  retried(request: OpenRequest): void;
  /** Nobody had room for this read's reply of so many bytes. */
  postponed(request: OpenRequest, bytes: number): void;
}

/** A command on its way through the node. One small object a command: everything else on the way is reused. */
export class OpenRequest extends ReplyPlace implements Request {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
  readonly slot: Slot;
  readonly redirect: boolean;
  readonly stale: boolean;
  readonly group: GroupId;
  readonly write: boolean;
  /** As `CommandTimer` tells it. */
  readonly arrivedUs: number;
  /** It is in the statistics, or will be with the end of this pass. */
  counted = false;
  /** An earlier read of the shard may happen later than this one's reply, which is therefore not good: see `drop`. */
  overtaken = false;
  /** Size of a reply that was too much to hold: the request waits to be executed again. Undefined: it does not. */
  droppedBytes: number | undefined;
  readonly owner: RequestOwner;

  constructor(
    owner: RequestOwner,
    spec: CommandSpec,
    args: readonly Uint8Array[],
    slot: Slot,
    group: GroupId,
    write: boolean,
  ) {
    super(undefined);
    this.spec = spec;
    this.args = args;
    this.slot = slot;
    this.redirect = owner.redirect;
    this.stale = owner.stale;
    this.group = group;
    this.write = write;
    this.arrivedUs = owner.arrivalUs();
    this.droppedBytes = undefined;
    this.owner = owner;
  }

  get client(): number {
    return this.owner.id;
  }

  get unwanted(): boolean {
    return this.owner.closed || this.overtaken;
  }

  /** Throws its reply away; the request stays open. Reads only. */
  drop(): void {
    assert(!this.write && this.reply !== undefined, "only a read can be had again");
    this.droppedBytes = replyBytes(this.reply);
    this.reply = undefined;
  }

  /** Has not got its reply, which has so many bytes; stays open. */
  putOff(bytes: number): void {
    assert(!this.write && this.reply === undefined, "a read is put off instead of completed");
    this.droppedBytes = bytes;
  }

  /** It has its reply: what the statistics make of it. */
  count(statistics: CommandStatistics, durationUs: number): void {
    recordReply(statistics, this.spec, this.reply as Reply, durationUs);
  }

  /** It is executed again. */
  resume(): void {
    this.droppedBytes = undefined;
    this.overtaken = false;
  }

  retried(): void {
    this.owner.retried(this);
  }

  postpone(bytes: number): void {
    this.owner.postponed(this, bytes);
  }

  complete(reply: Reply): void {
    assert(this.reply === undefined, "a request is completed once");
    this.reply = reply;
    this.owner.settled(this);
  }
}
