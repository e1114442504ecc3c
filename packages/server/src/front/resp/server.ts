import type { Socket } from "node:net";
import type { Connection, Connections } from "../../core/session/index.ts";
import { CLOSE_GRACE_MS, CLOSE_SERVE_MS, type Front, type Listen, listen, socketServer } from "../listen.ts";
import { TcpClientSocket } from "./socket.ts";

export interface RespOptions extends Listen {
  /** True: the cluster port, which answers MOVED. False: the port for any client, which forwards. */
  readonly redirect: boolean;
}

const TOO_MANY = "-ERR max number of clients reached\r\n";
/** How long a client that is refused may take to read why and to close its side. It holds a descriptor and no connection. */
const REFUSED_MS = 1_000;

/** Listens for RESP clients. Both ports of a node share its `Connections`, and with them their limits. */
export async function startResp(connections: Connections, options: RespOptions): Promise<Front> {
  const open = new Map<Socket, Connection>();
  const what = options.redirect ? "cluster" : "RESP";
  const socketOptions = { allowHalfOpen: true, noDelay: true };
  const { server, endHandshakes } = socketServer(options, what, socketOptions, (socket) => {
    accept(connections, options.redirect, open, socket);
  });
  const port = await listen(server, what, options);
  return {
    host: options.host,
    port,
    close: () =>
      new Promise((resolve) => {
        const served = setTimeout(() => {
          for (const connection of open.values()) connection.shutDown();
        }, CLOSE_SERVE_MS);
        const grace = setTimeout(() => {
          for (const socket of open.keys()) socket.destroy();
        }, CLOSE_GRACE_MS);
        server.close(() => {
          clearTimeout(served);
          clearTimeout(grace);
          resolve();
        });
        endHandshakes();
        for (const connection of open.values()) connection.retire();
      }),
  };
}

function accept(connections: Connections, redirect: boolean, open: Map<Socket, Connection>, socket: Socket): void {
  // A client may go away at any moment; `close` follows and says all there is to say.
  socket.on("error", () => {});
  const connection = connections.open(new TcpClientSocket(socket), redirect);
  if (connection === undefined) {
    socket.end(TOO_MANY);
    socket.resume();
    const cut = setTimeout(() => socket.destroy(), REFUSED_MS);
    socket.on("close", () => clearTimeout(cut));
    return;
  }
  open.set(socket, connection);
  const { tcpKeepaliveSeconds } = connections.settings;
  socket.setKeepAlive(tcpKeepaliveSeconds > 0, tcpKeepaliveSeconds * 1_000);
  // A plain view: making views of it is twice as fast as of a Buffer.
  socket.on("data", (chunk: Buffer) => connection.onData(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length)));
  socket.on("drain", () => connection.onDrain());
  socket.on("end", () => connection.onEnd());
  socket.on("close", () => {
    open.delete(socket);
    connection.onClose();
  });
}
