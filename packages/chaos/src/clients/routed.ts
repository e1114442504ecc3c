import { ClusterConnections } from "@sherd/client";
import { toldByClientError, toldByReply } from "./caller.ts";
import { type ClusterLibrary, CONNECT_MS } from "./cluster-caller.ts";

/** `@sherd/client`. */
export const routed: ClusterLibrary<ClusterConnections> = {
  name: "routed",

  connect: (seeds, replyTimeoutMs) =>
    new ClusterConnections({ seeds: seeds(), connection: { replyTimeoutMs, connectTimeoutMs: CONNECT_MS } }),

  async call(connections, key, args) {
    try {
      return toldByReply(await connections.call(new TextEncoder().encode(key), args));
    } catch (error) {
      return toldByClientError(error);
    }
  },

  disconnect: (connections) => connections.destroy(),
};
