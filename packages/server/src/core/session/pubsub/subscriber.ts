import { arityFits, type CommandSpec, type ErrorReply, err, findSubcommand, wrongArity } from "../../command/index.ts";
import type { RespVersion } from "../reply-writer.ts";
import type { PubSub } from "./pubsub.ts";
import type { PushedMessage } from "./pushed-message.ts";

/** What can be subscribed to; each has names of its own. */
export type SubscriptionKind = "channel" | "pattern" | "shardChannel";

/** The connection of a subscriber. */
export interface Receiver {
  readonly id: number;
  readonly name: string;
  readonly resp: RespVersion;
  readonly socket: { readonly remoteAddress: string };
  /** Of everything that it is to be sent, what the system has not taken. */
  readonly unsentBytes: number;
  push(message: PushedMessage): void;
  /** Closes it at once, and with it the subscriber. */
  kill(): void;
}

const ALLOWED: ReadonlySet<string> = new Set([
  "psubscribe",
  "punsubscribe",
  "ssubscribe",
  "subscribe",
  "sunsubscribe",
  "unsubscribe",
  "ping",
  "quit",
  "reset",
]);

/** One connection's subscriptions. */
export class Subscriber {
  readonly receiver: Receiver;
  /** By kind: names, as latin1 of their bytes, in the order of the subscriptions. */
  readonly names: Readonly<Record<SubscriptionKind, Set<string>>> = {
    channel: new Set(),
    pattern: new Set(),
    shardChannel: new Set(),
  };
  readonly #pubsub: PubSub;

  constructor(receiver: Receiver, pubsub: PubSub) {
    this.receiver = receiver;
    this.#pubsub = pubsub;
  }

  get total(): number {
    return this.names.channel.size + this.names.pattern.size + this.names.shardChannel.size;
  }

  /** What the replies to commands about `kind` count: channels and patterns together, shard channels on their own. */
  count(kind: SubscriptionKind): number {
    const { channel, pattern, shardChannel } = this.names;
    return kind === "shardChannel" ? shardChannel.size : channel.size + pattern.size;
  }

  /** A client of RESP2 takes whatever comes for a message or the reply to one of `ALLOWED`. */
  get restricted(): boolean {
    return this.receiver.resp === 2 && this.total > 0;
  }

  /** Why the client may not send this while it listens. */
  refusalOf(spec: CommandSpec | undefined, args: readonly Uint8Array[]): ErrorReply | undefined {
    if (!this.restricted || spec === undefined || ALLOWED.has(spec.name)) return undefined;
    const [first] = args;
    const named = spec.subcommands === undefined || first === undefined ? spec : findSubcommand(spec, first);
    // What does not exist, or cannot be sent in this way, is answered with that.
    if (named === undefined) return undefined;
    if (!arityFits(named, args.length)) return wrongArity(named.name);
    return err(
      `Can't execute '${named.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    );
  }

  /** Ends all subscriptions: RESET, or the connection is closed. */
  end(): void {
    this.#pubsub.end(this);
  }
}
