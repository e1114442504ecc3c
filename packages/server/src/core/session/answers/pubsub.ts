import { keySlot } from "@sherd/client/protocol";
import {
  CHANNEL_BYTES_MAX,
  Glob,
  latin1,
  latin1Bytes,
  REPLY_BYTES_MAX,
  type Slot,
  slot as toSlot,
  utf8Bytes,
} from "../../base/index.ts";
import { crossSlot, err, errorReply, type Reply } from "../../command/index.ts";
import { nameTooLong, type SubscriptionKind } from "../pubsub/index.ts";
import type { Answer, Answers, LocalCall } from "./types.ts";

const bulk = (bytes: Uint8Array): Reply => ({ type: "bulk", bytes });
const integer = (value: number): Reply => ({ type: "integer", value });
const NIL: Reply = { type: "nil" };

const TOO_MUCH = err(`the names are more than ${REPLY_BYTES_MAX} bytes; give a pattern that fewer of them match`);
const MISUSED = err("unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
const MISUSED_SHARD = err("unknown subcommand or wrong number of arguments for 'SHARDCHANNELS'. Try PUBSUB HELP.");

const several = (replies: readonly Reply[]): Reply =>
  replies.length === 1 ? (replies[0] as Reply) : { type: "several", replies };

/** Each channel gets a reply of its own, with the count after it. */
function subscribe(word: string, kind: SubscriptionKind): Answer {
  const named = utf8Bytes(word);
  return ({ args, connection, connections }) => {
    // Its EXEC goes on when a client has left; nobody would end such a subscription.
    if (!connections.has(connection)) return NIL;
    const { pubsub } = connections;
    const names = args.map(latin1);
    const refusal = pubsub.refusalOf(connection.subscriber, kind, names);
    if (refusal !== undefined) return refusal;
    const subscriber = connection.subscribe();
    return several(
      names.map((name, at) => {
        pubsub.subscribe(subscriber, kind, name);
        const count = subscriber.count(kind);
        return { type: "push", items: [bulk(named), bulk(args[at] as Uint8Array), integer(count)] };
      }),
    );
  };
}

/** Without arguments: from all of the kind. One that was not subscribed to is answered all the same, as in Redis. */
function unsubscribe(word: string, kind: SubscriptionKind): Answer {
  const named = utf8Bytes(word);
  return ({ args, connection, connections }) => {
    const { subscriber } = connection;
    const names = args.length > 0 ? args.map(latin1) : [...(subscriber?.names[kind] ?? [])];
    const after = (name: Reply): Reply => ({
      type: "push",
      items: [bulk(named), name, integer(subscriber?.count(kind) ?? 0)],
    });
    if (names.length === 0) return after(NIL);
    return several(
      names.map((name) => {
        if (subscriber !== undefined) connections.pubsub.unsubscribe(subscriber, kind, name);
        return after(bulk(latin1Bytes(name)));
      }),
    );
  };
}

function publish(sharded: boolean): Answer {
  return (call) => {
    const [channel, message] = call.args as [Uint8Array, Uint8Array];
    if (channel.length > CHANNEL_BYTES_MAX) return nameTooLong(channel.length);
    const moved = sharded ? movedTo(call, [channel]) : undefined;
    return moved ?? integer(call.connections.pubsub.publish(sharded, channel, message));
  };
}

/**
 * Cluster clients are sent to the leader of the channel's shard, as in Redis Cluster. Everybody else is served here:
 * each message reaches the subscribers of all nodes, so this only keeps clients where they expect the others to be.
 */
function movedTo({ connection, connections }: LocalCall, channels: readonly Uint8Array[]): Reply | undefined {
  if (!connection.redirect) return undefined;
  const first = channels[0] as Uint8Array;
  const slot: Slot = toSlot(keySlot(first));
  for (const channel of channels) {
    const other = toSlot(keySlot(channel));
    if (other !== slot) return crossSlot(first, slot, channel, other);
  }
  const { node } = connections;
  const group = node.shardOf(slot);
  const leader = group === undefined ? undefined : node.leaderOf(group)?.node;
  if (leader === undefined || leader === node.id || !node.isUp(leader)) return undefined;
  const addresses = node.map.nodes.get(leader)?.addresses;
  return addresses && errorReply("MOVED", `${slot} ${addresses.host}:${addresses.clusterPort}`);
}

const subscribeToShardChannels = subscribe("ssubscribe", "shardChannel");

function channels(sharded: boolean): Answer {
  return ({ args, connections }) => {
    if (args.length > 1) return sharded ? MISUSED_SHARD : MISUSED;
    const glob = new Glob(args[0] === undefined ? "*" : latin1(args[0].subarray(0, CHANNEL_BYTES_MAX)));
    const items: Reply[] = [];
    let bytes = 0;
    for (const name of connections.pubsub.channels(sharded)) {
      if (!glob.matches(name)) continue;
      bytes += name.length;
      if (bytes > REPLY_BYTES_MAX) return TOO_MUCH;
      items.push(bulk(latin1Bytes(name)));
    }
    return { type: "array", items };
  };
}

function numbers(sharded: boolean): Answer {
  return ({ args, connections }) => ({
    type: "array",
    items: args.flatMap((channel) => [
      bulk(channel),
      integer(connections.pubsub.subscribersOf(sharded, latin1(channel))),
    ]),
  });
}

export const pubsubAnswers: Answers = {
  psubscribe: subscribe("psubscribe", "pattern"),
  publish: publish(false),
  punsubscribe: unsubscribe("punsubscribe", "pattern"),
  spublish: publish(true),
  ssubscribe: (call) => movedTo(call, call.args) ?? subscribeToShardChannels(call),
  subscribe: subscribe("subscribe", "channel"),
  // Never redirected: the subscription is here, wherever the shard's leader is by now.
  sunsubscribe: unsubscribe("sunsubscribe", "shardChannel"),
  unsubscribe: unsubscribe("unsubscribe", "channel"),
  "pubsub|channels": channels(false),
  "pubsub|numpat": ({ connections }) => integer(connections.pubsub.patternCount),
  "pubsub|numsub": numbers(false),
  "pubsub|shardchannels": channels(true),
  "pubsub|shardnumsub": numbers(true),
};
