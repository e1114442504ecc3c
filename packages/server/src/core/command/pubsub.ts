import { container, local, rowsOf } from "./local.ts";
import type { ChannelSpec, CommandFlag, CommandSpec } from "./types.ts";

const group = "pubsub";
const sub = rowsOf(group, "pubsub");
const SUBSCRIBE: readonly CommandFlag[] = ["pubsub", "noscript", "loading", "stale"];
const PUBLISH: readonly CommandFlag[] = ["pubsub", "loading", "stale", "fast"];
const LOOK: readonly CommandFlag[] = ["pubsub", "loading", "stale"];

const ALL = { first: 1, last: -1, step: 1 } as const;
const ONE = { first: 1, last: 1, step: 1 } as const;

const withChannels = (spec: CommandSpec, channels: ChannelSpec): CommandSpec => ({ ...spec, channels });

const pubsubSubcommands: readonly CommandSpec[] = [
  sub("channels", -2, LOOK, "2.8.0", "Channels with subscribers at this node, or those that match a pattern."),
  sub("help", 2, ["loading", "stale"], "6.2.0", "Lists the subcommands."),
  sub("numpat", 2, LOOK, "2.8.0", "How many different patterns there are subscribers for at this node."),
  sub("numsub", -2, LOOK, "2.8.0", "How many subscribers each of the channels has at this node."),
  sub(
    "shardchannels",
    -2,
    LOOK,
    "7.0.0",
    "Shard channels with subscribers at this node, or those that match a pattern.",
  ),
  sub("shardnumsub", -2, LOOK, "7.0.0", "How many subscribers each of the shard channels has at this node."),
];

/** Group "pubsub": messages to whoever listens now, at any node. Nothing of it is kept or replicated. */
export const pubsubCommands: readonly CommandSpec[] = [
  withChannels(
    local({
      name: "psubscribe",
      arity: -2,
      flags: SUBSCRIBE,
      since: "2.0.0",
      group,
      summary: "Listens to all channels whose names match one of the patterns.",
    }),
    { ...ALL, use: "pattern", sharded: false },
  ),
  withChannels(
    local({
      name: "publish",
      arity: 3,
      flags: PUBLISH,
      since: "2.0.0",
      group,
      summary: "Sends a message to the channel's subscribers at all nodes; answers how many this node has.",
    }),
    { ...ONE, use: "publish", sharded: false },
  ),
  container({
    name: "pubsub",
    since: "2.8.0",
    group,
    summary: "Container of commands about channels.",
    subcommands: pubsubSubcommands,
  }),
  withChannels(
    local({
      name: "punsubscribe",
      arity: -1,
      flags: SUBSCRIBE,
      since: "2.0.0",
      group,
      summary: "Listens no longer to channels by these patterns, or by any.",
    }),
    { ...ALL, use: "unsubscribe", sharded: false },
  ),
  withChannels(
    local({
      name: "spublish",
      arity: 3,
      flags: PUBLISH,
      since: "7.0.0",
      group,
      summary: "Sends a message to the shard channel's subscribers at all nodes; answers how many this node has.",
    }),
    { ...ONE, use: "publish", sharded: true },
  ),
  withChannels(
    local({
      name: "ssubscribe",
      arity: -2,
      flags: SUBSCRIBE,
      since: "7.0.0",
      group,
      summary: "Listens to shard channels. On the cluster port they are in one slot, which this node leads.",
    }),
    { ...ALL, use: "subscribe", sharded: true },
  ),
  withChannels(
    local({
      name: "subscribe",
      arity: -2,
      flags: SUBSCRIBE,
      since: "2.0.0",
      group,
      summary: "Listens to channels. In RESP2 the connection can do little else until it unsubscribes.",
    }),
    { ...ALL, use: "subscribe", sharded: false },
  ),
  withChannels(
    local({
      name: "sunsubscribe",
      arity: -1,
      flags: SUBSCRIBE,
      since: "7.0.0",
      group,
      summary: "Listens no longer to these shard channels, or to any.",
    }),
    { ...ALL, use: "unsubscribe", sharded: true },
  ),
  withChannels(
    local({
      name: "unsubscribe",
      arity: -1,
      flags: SUBSCRIBE,
      since: "2.0.0",
      group,
      summary: "Listens no longer to these channels, or to any.",
    }),
    { ...ALL, use: "unsubscribe", sharded: false },
  ),
];
