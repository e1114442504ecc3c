import type { User } from "../access/index.ts";
import {
  assert,
  type GroupId,
  type Slot,
  TRANSACTION_ARGUMENT_OVERHEAD_BYTES,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_COMMANDS_MAX,
  TRANSACTION_NODE_ANSWERS_MAX,
  TRANSACTION_WATCHED_MAX,
} from "../base/index.ts";
import {
  admit,
  arityFits,
  type CommandSpec,
  crossSlot,
  err,
  errorReply,
  findSubcommand,
  keysOf,
  OK,
  type Reply,
  SLOT_NOT_SERVED,
  TransactionEncoder,
  transactions,
  wrongArity,
} from "../command/index.ts";
import { answerLocally, misnamed } from "./answers/index.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";
import { Later } from "./later.ts";
import type { OpenRequest } from "./open-request.ts";
import { LOADED_SINCE, RULES_CHANGED } from "./permission.ts";
import { unknownOrRefused } from "./refusals.ts";
import { ExecRequest, merge, type Queued, WatchRequest } from "./transaction-requests.ts";

const QUEUED: Reply = { type: "simple", text: "QUEUED" };
const ABORTED = errorReply("EXECABORT", "Transaction discarded because of previous errors.");
const NOT_INSIDE = err("Command not allowed inside a transaction");
/** As Redis has it, where SUBSCRIBE may be queued and this may not. */
const SSUBSCRIBE_INSIDE = err("SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
const TOO_LARGE = err(
  `the transaction is too large: at most ${TRANSACTION_COMMANDS_MAX} commands and ${TRANSACTION_BYTES_MAX} bytes are allowed`,
);
const TOO_MANY_FOR_NODE = err(
  `the transaction is too large: at most ${TRANSACTION_NODE_ANSWERS_MAX} commands that the node answers itself are allowed, ` +
    "beside fast ones such as PING",
);
const TOO_MANY_WATCHED = err(`at most ${TRANSACTION_WATCHED_MAX} keys may be watched at a time`);
/** Commands that end the connection or its state do so at once. */
const AT_ONCE: ReadonlySet<string> = new Set(["quit", "reset"]);

/** A key, and the slot that it is in. */
interface Place {
  readonly key: Uint8Array;
  readonly slot: Slot;
  readonly group: GroupId;
}

/**
 * MULTI, EXEC, DISCARD, WATCH and UNWATCH of one connection. What is queued goes to its shard as one command when EXEC
 * comes; until then nothing has happened anywhere.
 */
export class Transactions {
  readonly #connection: Connection;
  readonly #connections: Connections;
  #watches: WatchRequest[] = [];
  #multi: Multi | undefined;

  constructor(connection: Connection, connections: Connections) {
    this.#connection = connection;
    this.#connections = connections;
  }

  /** Forgets what is queued and watched: DISCARD, RESET, the end of the connection. */
  end(): void {
    this.#watches = [];
    if (this.#multi !== undefined) this.#connections.input.give(this.#multi.takenBytes);
    this.#multi = undefined;
  }

  /** Commands behind MULTI; -1: there was none. */
  get queued(): number {
    return this.#multi === undefined ? -1 : this.#multi.queue.length;
  }

  /** Of them, those that the node answers itself and that may cost much. */
  get limited(): number {
    return this.#multi?.limited ?? 0;
  }

  get queuedBytes(): number {
    return this.#multi?.takenBytes ?? 0;
  }

  get watched(): number {
    return this.#watches.reduce((sum, { args }) => sum + args.length, 0);
  }

  /** EXEC will run nothing; false: there was no MULTI. */
  abort(): boolean {
    if (this.#multi !== undefined) this.#multi.aborted = true;
    return this.#multi !== undefined;
  }

  /** A command of the group itself. Undefined: it must wait until a WATCH before it is answered. */
  take(spec: CommandSpec, args: readonly Uint8Array[]): Reply | OpenRequest | undefined {
    if (spec.name === "exec") return this.#exec(spec, args);
    if (!arityFits(spec, args.length)) return this.#refuse(wrongArity(spec.name));
    switch (spec.name) {
      case "multi":
        if (this.#multi !== undefined) return err("MULTI calls can not be nested");
        this.#multi = new Multi(this.#connection.user);
        return OK;
      case "discard":
        if (this.#multi === undefined) return err("DISCARD without MULTI");
        this.end();
        return OK;
      case "watch":
        return this.#watch(args);
      default:
        this.#watches = [];
        return OK;
    }
  }

  /** The answer to a command behind MULTI. Undefined: it is not one that is queued. */
  queue(spec: CommandSpec | undefined, name: Uint8Array, args: readonly Uint8Array[]): Reply | undefined {
    if (this.#multi === undefined) return undefined;
    if (spec === undefined) return this.#refuse(unknownOrRefused(name, args));
    if (AT_ONCE.has(spec.name)) return undefined;
    if (spec.group === "transactions" && spec.name !== "unwatch") return undefined;
    if (!arityFits(spec, args.length)) return this.#refuse(wrongArity(spec.name));
    const refusal = spec.opcode === 0 ? this.#queueLocal(spec, args) : this.#queueForShard(spec, args);
    return refusal === undefined ? QUEUED : this.#refuse(refusal);
  }

  #refuse(reply: Reply): Reply {
    if (this.#multi !== undefined) this.#multi.aborted = true;
    return reply;
  }

  #queueLocal(spec: CommandSpec, args: readonly Uint8Array[]): Reply | undefined {
    const own = args.map((arg) => arg.slice());
    // What was watched has been judged by then.
    if (spec.name === "unwatch") return this.#addHere(own, () => OK);
    const refusal = misnamed(spec, own);
    if (refusal !== undefined) return this.#connections.refused(spec, refusal);
    // Such commands change how the connection speaks, which must not happen between the replies of an array.
    const named = own[0] === undefined ? undefined : findSubcommand(spec, own[0]);
    const { flags, waits } = named ?? spec;
    if (spec.name === "ssubscribe") return this.#addHere(own, () => SSUBSCRIBE_INSIDE);
    if ((flags.includes("noscript") && spec.group !== "pubsub") || waits === true) return NOT_INSIDE;
    const limited = !flags.includes("fast");
    const multi = this.#multi as Multi;
    if (limited && multi.limited >= TRANSACTION_NODE_ANSWERS_MAX) return TOO_MANY_FOR_NODE;
    const answer = (): Reply => {
      const reply = answerLocally(spec, own, this.#connection, this.#connections);
      assert(!(reply instanceof Later), "only commands that `waits` are answered later");
      return reply;
    };
    const notAdded = this.#addHere(own, answer, limited);
    if (limited && notAdded === undefined) multi.limited += 1;
    return notAdded;
  }

  #queueForShard(spec: CommandSpec, args: readonly Uint8Array[]): Reply | undefined {
    // No state could make it valid, but in Redis that is found out by EXEC, and the other commands are run.
    const refused = spec.check?.(args);
    if (refused !== undefined) return this.#addHere(args, () => this.#connections.refused(spec, refused));
    const slot = admit(spec, args);
    if (typeof slot !== "number") return slot;
    const { node } = this.#connections;
    const group = node.shardOf(slot);
    if (group === undefined) return SLOT_NOT_SERVED;
    const moved = this.#movedTo(spec, slot, group);
    if (moved !== undefined) return moved;
    const multi = this.#multi as Multi;
    const key = keysOf(spec, args)[0] as Uint8Array;
    const refusal = this.#add(spec, args);
    if (refusal === undefined) multi.place({ key, slot, group });
    return refusal;
  }

  /** A cluster client is told at once, so that it queues nothing at a node that will not run it. */
  #movedTo(spec: CommandSpec, slot: Slot, group: GroupId): Reply | undefined {
    const { redirect, stale } = this.#connection;
    const { node } = this.#connections;
    const leader = node.leaderOf(group)?.node;
    if (!redirect || leader === undefined || leader === node.id || !node.isUp(leader)) return undefined;
    if (stale && !spec.flags.includes("write")) return undefined;
    const addresses = node.map.nodes.get(leader)?.addresses;
    return addresses && errorReply("MOVED", `${slot} ${addresses.host}:${addresses.clusterPort}`);
  }

  /** For the shard. */
  #add(spec: CommandSpec, args: readonly Uint8Array[]): Reply | undefined {
    const multi = this.#multi as Multi;
    if (multi.aborted) return undefined;
    const refusal = this.#take(args, 0, spec);
    return refusal === undefined && !multi.add(spec, args) ? TOO_LARGE : refusal;
  }

  #addHere(args: readonly Uint8Array[], answer: () => Reply, limited = false): Reply | undefined {
    return this.#take(args, TRANSACTION_ARGUMENT_OVERHEAD_BYTES, { answer, limited });
  }

  #take(args: readonly Uint8Array[], overheadBytes: number, queued: Queued): Reply | undefined {
    const multi = this.#multi as Multi;
    // Behind an error nothing is kept: EXEC will not run it.
    if (multi.aborted) return undefined;
    let bytes = overheadBytes * args.length;
    for (const arg of args) bytes += arg.length;
    if (multi.takenBytes + bytes > TRANSACTION_BYTES_MAX || multi.queue.length >= TRANSACTION_COMMANDS_MAX)
      return TOO_LARGE;
    if (!this.#connections.input.take(bytes)) return err("the node holds too much unfinished input; try again");
    multi.takenBytes += bytes;
    multi.queue.push(queued);
    return undefined;
  }

  #watch(args: readonly Uint8Array[]): Reply | OpenRequest {
    if (this.#multi !== undefined) return err("WATCH inside MULTI is not allowed");
    const slot = admit(transactions.watch, args);
    if (typeof slot !== "number") return slot;
    const [other] = this.#watches;
    const key = args[0] as Uint8Array;
    if (other !== undefined && other.slot !== slot)
      return crossSlot(other.args[0] as Uint8Array, other.slot, key, slot);
    const count = this.#watches.reduce((sum, { args: keys }) => sum + keys.length, args.length);
    if (count > TRANSACTION_WATCHED_MAX) return TOO_MANY_WATCHED;
    const group = this.#connections.node.shardOf(slot);
    if (group === undefined) return SLOT_NOT_SERVED;
    const keys = args.map((arg) => arg.slice());
    const request = new WatchRequest(this.#connection, keys, slot, group);
    this.#watches.push(request);
    return request;
  }

  #exec(spec: CommandSpec, args: readonly Uint8Array[]): Reply | OpenRequest | undefined {
    if (!arityFits(spec, args.length)) {
      this.end();
      return errorReply("EXECABORT", `Transaction discarded because of: ${wrongArity(spec.name).text}`);
    }
    const multi = this.#multi;
    if (multi === undefined) return err("EXEC without MULTI");
    if (this.#watches.some(({ watched }) => watched === undefined)) return undefined;
    const watched = this.#watches.flatMap((watch) => watch.watched ?? []);
    const [watch] = this.#watches;
    this.end();
    if (multi.aborted) return ABORTED;
    if (multi.user === undefined) return LOADED_SINCE;
    // Each command was allowed when it was queued, by rules that do not count any more.
    if (multi.user !== this.#connection.user) return RULES_CHANGED;
    if (watch !== undefined) multi.place({ key: watch.args[0] as Uint8Array, slot: watch.slot, group: watch.group });
    if (multi.crossing !== undefined) return multi.crossing;
    if (multi.at === undefined) return merge(multi.queue, []);
    const argument = multi.encoder.finish(watched);
    if (argument.length > TRANSACTION_BYTES_MAX) return TOO_LARGE;
    const { user, spec: shardSpec, at, queue } = multi;
    return new ExecRequest(this.#connection, user, shardSpec, argument, at.slot, at.group, queue);
  }
}

/** What came since MULTI. */
class Multi {
  /** Who queues; another object when the user's rules have changed. */
  readonly user: User | undefined;
  readonly encoder: TransactionEncoder = new TransactionEncoder();
  readonly queue: Queued[] = [];
  /** Of the memory that all connections share for input. */
  takenBytes = 0;
  /** Commands whose answers may be large whatever was sent. */
  limited = 0;
  /** A command could not be queued: EXEC will run none. */
  aborted = false;
  /** What all of them become on the shard. */
  spec: CommandSpec = transactions.read;
  at: Place | undefined;
  /** They are not all in one slot: what EXEC answers. */
  crossing: Reply | undefined;

  constructor(user: User | undefined) {
    this.user = user;
  }

  add(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
    if (spec.flags.includes("denyoom")) this.spec = transactions.grow;
    else if (spec.flags.includes("write") && this.spec === transactions.read) this.spec = transactions.write;
    return this.encoder.add(spec.opcode, args);
  }

  place(place: Place): void {
    this.at ??= place;
    if (this.at.slot !== place.slot) this.crossing ??= crossSlot(this.at.key, this.at.slot, place.key, place.slot);
  }
}
