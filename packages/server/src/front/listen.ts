import { createServer, type Server, type ServerOpts, type Socket } from "node:net";
import { LEADERLESS_HOLD_MS, SherdError } from "../core/base/index.ts";
import { createTlsServer, type TlsPort } from "../host/tls/index.ts";

/** Where a front listens. Port 0: any free one; `Front.port` says which. */
export interface Listen {
  readonly host: string;
  readonly port: number;
  /** Told when a connection could not be accepted (too many open files); the front goes on. */
  readonly onError?: (error: Error) => void;
  /** The port speaks TLS, and nothing else. Undefined: plain text. */
  readonly tls?: TlsPort | undefined;
}

/** A server for sockets, secured or not, and what keeps it open besides the sockets that it handed on. */
export interface SocketServer {
  readonly server: Server;
  endHandshakes(): void;
}

/** A server that is up. */
export interface Front {
  readonly host: string;
  readonly port: number;
  /** Takes nothing new, answers what is open, then closes. Resolves when the port is free. */
  close(): Promise<void>;
}

/** Connections that the system holds ready while the node is busy. */
const BACKLOG = 1024;

/** How long `close` goes on serving clients that always have something open, before it takes nothing more from them. */
export const CLOSE_SERVE_MS = 1_000;
/**
 * How long `close` waits for open requests and for clients to take their last replies before it cuts them off: a request
 * that finds no leader is answered within LEADERLESS_HOLD_MS.
 */
export const CLOSE_GRACE_MS: number = CLOSE_SERVE_MS + LEADERLESS_HOLD_MS + 1_000;

/** A server that calls `onSocket` with every connection, after its TLS handshake where there is one. */
export function socketServer(
  { tls }: Listen,
  what: string,
  options: ServerOpts & { readonly ALPNProtocols?: string[] },
  onSocket: (socket: Socket) => void,
): SocketServer {
  if (tls !== undefined) return createTlsServer(tls, `${what} port`, options, onSocket);
  return { server: createServer(options, onSocket), endHandshakes: () => {} };
}

/** Throws SHERD_ADDRESS_IN_USE, or SHERD_CONFIG_INVALID for an address that this machine does not have. */
export function listen(server: Server, what: string, { host, port, onError }: Listen): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", (error: NodeJS.ErrnoException) => {
      if (server.listening) onError?.(error);
      else reject(listenError(error, what, host, port));
    });
    server.listen({ host, port, backlog: BACKLOG }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

export function listenError(error: NodeJS.ErrnoException, what: string, host: string, port: number): SherdError {
  if (error.code === "EADDRINUSE") {
    return new SherdError("SHERD_ADDRESS_IN_USE", `The ${what} port ${host}:${port} is taken.`, { cause: error });
  }
  return new SherdError("SHERD_CONFIG_INVALID", `Cannot listen for ${what} on ${host}:${port}: ${error.message}.`, {
    cause: error,
  });
}
