import { Cluster, ReplyError } from "ioredis";
import { toldByError, type Value } from "./caller.ts";
import { type ClusterLibrary, CONNECT_MS, type Seed } from "./cluster-caller.ts";

/** Between attempts to find any node of the cluster. */
const RETRY_MS = 200;

/**
 * ioredis, which knows nothing of sherd. It tries TRYAGAIN and CLUSTERDOWN again by itself. By default it would also send
 * again what a lost connection left unanswered: that is switched off, because such a command may take effect twice.
 *
 * While it finds no node it keeps commands, without a limit of time, and looks only where nodes were when it began. If all
 * have moved since, it would wait for ever: so it is told where they are, as by a registry of services.
 */
export const foreign: ClusterLibrary<Cluster> = {
  name: "ioredis",

  connect(seeds, replyTimeoutMs) {
    const cluster = new Cluster([...seeds()], {
      retryDelayOnFailover: 0,
      clusterRetryStrategy(this: unknown) {
        (this as { startupNodes: readonly Seed[] }).startupNodes = seeds();
        return RETRY_MS;
      },
      redisOptions: {
        autoResendUnfulfilledCommands: false,
        maxRetriesPerRequest: 0,
        commandTimeout: replyTimeoutMs,
        connectTimeout: CONNECT_MS,
      },
    });
    // Each command is told of what concerns it; without a listener the emitter would throw.
    cluster.on("error", () => {});
    return cluster;
  },

  async call(cluster, _key, [name, ...args]) {
    try {
      return { outcome: "done", value: (await cluster.call(name as string, ...args)) as Value };
    } catch (error) {
      if (error instanceof ReplyError) return toldByError((error as Error).message);
      // Its own errors do not say whether the command was sent.
      return { outcome: "unknown", why: `ioredis: ${(error as Error).message.split(".")[0]}` };
    }
  },

  disconnect: (cluster) => cluster.disconnect(),
};
