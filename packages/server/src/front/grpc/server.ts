import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { NodeApi } from "../../core/node/index.ts";
import {
  CLOSE_GRACE_MS,
  type Front,
  type Listen,
  listen,
  listenError,
  type SocketServer,
  socketServer,
} from "../listen.ts";
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
  const server = new Server({
    interceptors: access === undefined ? [] : [strangersTurnedAway(node, access, onCall)],
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
  const secure = options.tls === undefined ? undefined : secureServer(server, options);
  const port = await (secure === undefined ? bind(server, options) : listen(secure.server, "gRPC", options));
  return {
    host: options.host,
    port,
    close: async () => {
      health.close();
      await Promise.all([close(server), secure === undefined ? undefined : closeSecure(secure)]);
    },
  };
}

/** Our own server does the handshakes, as for every other port, and gRPC gets the connections. */
function secureServer(server: Server, options: Listen): SocketServer {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const socketOptions = { noDelay: true, ALPNProtocols: ["h2"] };
  return socketServer(options, "gRPC", socketOptions, (socket) => injector.injectConnection(socket));
}

function bind(server: Server, { host, port }: Listen): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) {
        resolve(bound);
        return;
      }
      // grpc-js passes the system's error on as text only.
      const code = error.message.includes("EADDRINUSE") ? "EADDRINUSE" : "";
      reject(listenError(Object.assign(error, { code }), "gRPC", host, port));
    });
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
function closeSecure({ server, endHandshakes }: SocketServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    endHandshakes();
  });
}
