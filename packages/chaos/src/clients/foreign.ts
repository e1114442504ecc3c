import { Cluster, ReplyError } from "ioredis";
import { toldByError, type Value } from "./caller.ts";
import { type ClusterLibrary, CONNECT_MS } from "./cluster-caller.ts";

/**
 * ioredis, which knows nothing of sherd. It tries TRYAGAIN and CLUSTERDOWN again by itself. By default it would also send
 * again what a lost connection left unanswered: that is switched off, because such a command may take effect twice.
 */
export const foreign: ClusterLibrary<Cluster> = {
  name: "ioredis",

  connect(seeds, replyTimeoutMs) {
    const cluster = new Cluster([...seeds], {
      retryDelayOnFailover: 0,
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
