import {
  assert,
  CHANNEL_BYTES_MAX,
  CONNECTION_SUBSCRIPTIONS_MAX,
  Glob,
  latin1,
  latin1Bytes,
  PATTERNS_BYTES_MAX,
  PATTERNS_SEARCH_BYTES_MAX,
  SUBSCRIPTION_OVERHEAD_BYTES,
  SUBSCRIPTIONS_BYTES_MAX,
} from "../../base/index.ts";
import { type ErrorReply, err } from "../../command/index.ts";
import type { NodeApi } from "../../node/index.ts";
import { PushedMessage } from "./pushed-message.ts";
import type { Subscriber, SubscriptionKind } from "./subscriber.ts";
import { UnreadOutput } from "./unread-output.ts";

interface Pattern {
  readonly glob: Glob;
  readonly bytes: Uint8Array;
  readonly subscribers: Set<Subscriber>;
}

const KINDS: readonly SubscriptionKind[] = ["channel", "pattern", "shardChannel"];

export const nameTooLong = (length: number): ErrorReply =>
  err(`the name of a channel is ${length} bytes long; at most ${CHANNEL_BYTES_MAX} are allowed`);
const TOO_MANY = err(
  `a connection has at most ${CONNECTION_SUBSCRIPTIONS_MAX} subscriptions; open another, or subscribe to a pattern`,
);
const NODE_FULL = err("this node has as many subscriptions as it can hold; use fewer, or another node");
const PATTERNS_FULL = err(
  "this node has as many patterns as it can compare messages with; use fewer, or such with their stars at the ends",
);

/** The subscriptions of all connections of a node. Names are latin1 of their bytes. */
export class PubSub {
  readonly unread: UnreadOutput;
  readonly #node: NodeApi;
  readonly #channels: Map<string, Set<Subscriber>> = new Map();
  readonly #patterns: Map<string, Pattern> = new Map();
  readonly #shardChannels: Map<string, Set<Subscriber>> = new Map();
  /** Of all subscriptions, ... */
  #bytes = 0;
  /** ... and of the patterns, each counted once. */
  #patternBytes = 0;
  #searchBytes = 0;

  constructor(node: NodeApi) {
    this.#node = node;
    this.unread = new UnreadOutput((key, message, fields) => node.complain(key, message, fields));
    node.onPublished(({ sharded, channel, message }) => void this.#deliver(sharded, channel, message));
    node.onTick((nowMs) => this.unread.onTick(nowMs));
  }

  // --- for INFO and PUBSUB

  get channelCount(): number {
    return this.#channels.size;
  }

  get patternCount(): number {
    return this.#patterns.size;
  }

  get shardChannelCount(): number {
    return this.#shardChannels.size;
  }

  /** Names of channels that somebody listens to by name. */
  channels(sharded: boolean): IterableIterator<string> {
    return (sharded ? this.#shardChannels : this.#channels).keys();
  }

  /** How many listen to the channel by its name. */
  subscribersOf(sharded: boolean, channel: string): number {
    return (sharded ? this.#shardChannels : this.#channels).get(channel)?.size ?? 0;
  }

  // --- subscriptions

  /** Why these cannot all be subscribed to. Undefined: they can. */
  refusalOf(
    subscriber: Subscriber | undefined,
    kind: SubscriptionKind,
    names: readonly string[],
  ): ErrorReply | undefined {
    const longest = names.find((name) => name.length > CHANNEL_BYTES_MAX);
    if (longest !== undefined) return nameTooLong(longest.length);
    const own = subscriber?.names[kind];
    const added = own === undefined ? names : names.filter((name) => !own.has(name));
    if ((subscriber?.total ?? 0) + added.length > CONNECTION_SUBSCRIPTIONS_MAX) return TOO_MANY;
    if (added.reduce((bytes, name) => bytes + costOf(name), this.#bytes) > SUBSCRIPTIONS_BYTES_MAX) return NODE_FULL;
    return kind === "pattern" ? this.#refusalOfPatterns(added) : undefined;
  }

  #refusalOfPatterns(patterns: readonly string[]): ErrorReply | undefined {
    let bytes = this.#patternBytes;
    let searchBytes = this.#searchBytes;
    for (const pattern of patterns) {
      if (this.#patterns.has(pattern)) continue;
      bytes += pattern.length;
      searchBytes += new Glob(pattern).searchBytes;
    }
    return bytes > PATTERNS_BYTES_MAX || searchBytes > PATTERNS_SEARCH_BYTES_MAX ? PATTERNS_FULL : undefined;
  }

  /** `refusalOf` has nothing against it. */
  subscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    const own = subscriber.names[kind];
    if (own.has(name)) return;
    own.add(name);
    this.#bytes += costOf(name);
    this.#subscribersFor(kind, name).add(subscriber);
  }

  /** Nothing happens when it is not subscribed. */
  unsubscribe(subscriber: Subscriber, kind: SubscriptionKind, name: string): void {
    if (!subscriber.names[kind].delete(name)) return;
    this.#bytes -= costOf(name);
    if (kind === "pattern") return this.#leavePattern(subscriber, name);
    const map = kind === "channel" ? this.#channels : this.#shardChannels;
    const subscribers = map.get(name);
    assert(subscribers?.delete(subscriber) === true, "a subscriber is in the set of what it listens to");
    if (subscribers.size === 0) map.delete(name);
  }

  end(subscriber: Subscriber): void {
    for (const kind of KINDS) {
      for (const name of subscriber.names[kind]) this.unsubscribe(subscriber, kind, name);
    }
    this.unread.forget(subscriber);
  }

  #subscribersFor(kind: SubscriptionKind, name: string): Set<Subscriber> {
    if (kind === "pattern") return this.#pattern(name).subscribers;
    const map = kind === "channel" ? this.#channels : this.#shardChannels;
    let subscribers = map.get(name);
    if (subscribers === undefined) {
      subscribers = new Set();
      map.set(name, subscribers);
    }
    return subscribers;
  }

  #pattern(name: string): Pattern {
    let pattern = this.#patterns.get(name);
    if (pattern === undefined) {
      pattern = { glob: new Glob(name), bytes: latin1Bytes(name), subscribers: new Set() };
      this.#patterns.set(name, pattern);
      this.#patternBytes += name.length;
      this.#searchBytes += pattern.glob.searchBytes;
    }
    return pattern;
  }

  #leavePattern(subscriber: Subscriber, name: string): void {
    const pattern = this.#patterns.get(name);
    assert(pattern?.subscribers.delete(subscriber) === true, "a subscriber is in the set of what it listens to");
    if (pattern.subscribers.size > 0) return;
    this.#patterns.delete(name);
    this.#patternBytes -= name.length;
    this.#searchBytes -= pattern.glob.searchBytes;
  }

  // --- messages

  /** To the subscribers of all nodes; returns how many subscriptions of this node it met. */
  publish(sharded: boolean, channel: Uint8Array, message: Uint8Array): number {
    this.#node.publish({ sharded, channel, message });
    return this.#deliver(sharded, channel, message);
  }

  /** `channel` and `message` may be views of memory that is used again. */
  #deliver(sharded: boolean, channel: Uint8Array, message: Uint8Array): number {
    const byName = sharded ? this.#shardChannels : this.#channels;
    if (byName.size === 0 && (sharded || this.#patterns.size === 0)) return 0;
    const name = latin1(channel);
    const subscribers = byName.get(name);
    let own: Uint8Array | undefined;
    let received = 0;
    if (subscribers !== undefined) {
      own = message.slice();
      received += this.#push(subscribers, new PushedMessage(sharded ? "smessage" : "message", channel.slice(), own));
    }
    if (sharded) return received;
    for (const pattern of this.#patterns.values()) {
      if (!pattern.glob.matches(name)) continue;
      own ??= message.slice();
      received += this.#push(pattern.subscribers, new PushedMessage("pmessage", pattern.bytes, channel.slice(), own));
    }
    return received;
  }

  #push(subscribers: ReadonlySet<Subscriber>, message: PushedMessage): number {
    const count = subscribers.size;
    // One that is closed for what it has not read leaves the set meanwhile; that is no harm to the others.
    for (const subscriber of subscribers) {
      subscriber.receiver.push(message);
      this.unread.pushed(subscriber);
    }
    return count;
  }
}

const costOf = (name: string): number => name.length + SUBSCRIPTION_OVERHEAD_BYTES;
