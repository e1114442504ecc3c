import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { NodeApi } from "../../core/node/index.ts";
import { CLOSE_GRACE_MS, type Front, type Listen, listen, type SocketServer, socketServer } from "../listen.ts";
import { Guessing } from "./guessing.ts";
import { Health } from "./health.ts";
import { addKvStore, type KvStoreOptions } from "./kvstore.ts";
import { KEEPALIVE_ANSWER_MS, KEEPALIVE_MS, RECEIVE_BYTES_MAX, STREAMS_PER_CONNECTION_MAX } from "./limits.ts";
import { loadProto } from "./protos.ts";
import { addReflection } from "./reflection.ts";
import { strangersTurnedAway } from "./strangers.ts";

export interface GrpcOptions extends Listen, KvStoreOptions {}

/** Starts the `KVStore` service, and beside it those of health and reflection. */
export async function startGrpc(node: NodeApi, options: GrpcOptions): Promise<Front> {
  const { access, onCall } = options;
  const guessing = new Guessing();
  const server = new Server({
    interceptors: [strangersTurnedAway(node, access, guessing, onCall)],
    "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": STREAMS_PER_CONNECTION_MAX,
    "grpc.keepalive_time_ms": KEEPALIVE_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_ANSWER_MS,
  });
  addKvStore(server, node, options);
  const healthProto = loadProto("health.proto");
  const health = new Health(server, healthProto, () => node.status().ready);
  addReflection(server, loadProto("reflection.proto"), [loadProto("kvstore.proto"), healthProto]);
  const sockets = ownSockets(server, options, guessing);
  const port = await listen(sockets.server, "gRPC", options);
  return {
    host: options.host,
    port,
    close: async () => {
      health.close();
      await Promise.all([close(server), closeSockets(sockets)]);
    },
  };
}

/** Our own server accepts, and does the handshakes, as for every other port; gRPC gets the connections. */
function ownSockets(server: Server, options: Listen, guessing: Guessing): SocketServer {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const socketOptions = { noDelay: true, ALPNProtocols: ["h2"] };
  return socketServer(options, "gRPC", socketOptions, (socket) => {
    guessing.opened(socket);
    injector.injectConnection(socket);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.forceShutdown(), CLOSE_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(grace);
      resolve();
    });
  });
}

/** Its connections are closed by gRPC. */
function closeSockets({ server, endHandshakes }: SocketServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    endHandshakes();
  });
}
