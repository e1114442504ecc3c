import type { ServerOpts, Socket } from "node:net";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { Complaints } from "../../core/base/index.ts";
import { SERVER_AUTH, usagesOf } from "./certificate.ts";
import type { TlsIdentity } from "./identity.ts";
import { TLS_HANDSHAKE_MS_MAX, TLS_HANDSHAKES_MAX, TLS_HANDSHAKES_PER_ADDRESS_MAX } from "./limits.ts";

/**
 * Whether who connects shows a certificate: `no`: it is not asked for one; `optional`: one that is shown must be good;
 * `require`: it must show a good one; `peer`: as `require`, and it must be one for servers as well, because nodes are both.
 */
export type ClientAuth = "no" | "optional" | "require" | "peer";

/** How a port speaks TLS. */
export interface TlsPort {
  readonly identity: TlsIdentity;
  readonly clientAuth: ClientAuth;
}

export interface TlsServer {
  readonly server: Server;
  /** Ends the handshakes under way, which would keep a server that closes open. */
  endHandshakes(): void;
}

/** What a client speaks that does not know of TLS: OpenSSL's names for it. */
const PLAIN_TEXT = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_HTTP_REQUEST", "ERR_SSL_PACKET_LENGTH_TOO_LONG"]);

/** For servers that take these options themselves, such as HTTPS. They must be given to `guardTlsServer`. */
export function tlsServerOptions({ identity, clientAuth }: TlsPort): TlsOptions {
  return {
    ...identity.certificate.options,
    handshakeTimeout: TLS_HANDSHAKE_MS_MAX,
    requestCert: clientAuth !== "no",
    rejectUnauthorized: clientAuth === "require" || clientAuth === "peer",
  };
}

/** A server whose connections are handed on when their handshake is done. `what` names the port in the log. */
export function createTlsServer(
  port: TlsPort,
  what: string,
  options: ServerOpts & Pick<TlsOptions, "ALPNProtocols">,
  onSecure: (socket: TLSSocket) => void,
): TlsServer {
  const { allowHalfOpen = false, ...rest } = options;
  const server = createServer({ ...rest, ...tlsServerOptions(port) });
  const endHandshakes = guardTlsServer(server, port, what);
  server.on("secureConnection", (socket) => {
    // Turned away by the guard, or gone already.
    if (socket.destroyed) return;
    // Not before: whoever closes its side during the handshake has left, and would count until the time is over.
    socket.allowHalfOpen = allowHalfOpen;
    onSecure(socket);
  });
  return { server, endHandshakes };
}

/**
 * Bounds the handshakes of a server, logs those that fail, verifies what Node does not, and keeps its certificate the
 * newest. Returns `TlsServer.endHandshakes`. Other listeners of `secureConnection` may be told of a socket that was destroyed.
 */
export function guardTlsServer(server: Server, { identity, clientAuth }: TlsPort, what: string): () => void {
  const { counts, underWayFrom } = identity;
  const complaints = new Complaints(identity);
  /** Under way, by both ends' addresses: the socket that is told secure is another one than that which connected. */
  const underWay = new Map<string, Socket>();
  const ended = (key: string, address: string): void => {
    if (!underWay.delete(key)) return;
    counts.handshakesUnderWay -= 1;
    const left = (underWayFrom.get(address) as number) - 1;
    if (left === 0) underWayFrom.delete(address);
    else underWayFrom.set(address, left);
  };
  const complain = (kind: string, why: string, remote: string | undefined): void => {
    const fields = { code: "SHERD_TLS_HANDSHAKE", remote, kind };
    complaints.log(performance.now(), "warn", kind, `${what}: ${why}`, fields);
  };

  server.on("connection", (socket: Socket) => {
    const address = addressOf(socket);
    const ofAddress = underWayFrom.get(address) ?? 0;
    const tooMany = tooManyUnderWay(counts.handshakesUnderWay, ofAddress);
    if (tooMany !== undefined) {
      // Counted as failed when its end is told.
      complain("TOO_MANY", `a connection was closed, ${tooMany}`, socket.remoteAddress);
      socket.destroy();
      return;
    }
    const key = ends(socket);
    underWay.set(key, socket);
    counts.handshakesUnderWay += 1;
    underWayFrom.set(address, ofAddress + 1);
    socket.once("close", () => ended(key, address));
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    ended(ends(socket), addressOf(socket));
    // A client may go away at any moment; whoever uses the socket hears of its end.
    socket.on("error", () => {});
    const refusal = refusalOf(socket, clientAuth);
    if (refusal === undefined) {
      counts.handshakes += 1;
      return;
    }
    counts.failedHandshakes += 1;
    complain("CERTIFICATE", `the certificate of a client is refused: ${refusal}`, socket.remoteAddress);
    socket.destroy();
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const { kind, why } = describe(error, socket);
    counts.failedHandshakes += 1;
    complain(kind, why, socket.remoteAddress);
  });
  const unsubscribe = identity.onChange((certificate) => server.setSecureContext(certificate.options));
  server.once("close", unsubscribe);
  return () => {
    for (const socket of underWay.values()) socket.destroy();
  };
}

function tooManyUnderWay(all: number, ofAddress: number): string | undefined {
  if (all >= TLS_HANDSHAKES_MAX) return `${TLS_HANDSHAKES_MAX} TLS handshakes are under way`;
  if (ofAddress < TLS_HANDSHAKES_PER_ADDRESS_MAX) return undefined;
  return `${TLS_HANDSHAKES_PER_ADDRESS_MAX} TLS handshakes from its address are under way`;
}

/** Of a socket that is gone already there is none. */
const addressOf = ({ remoteAddress = "?" }: Socket): string => remoteAddress;
const ends = (socket: Socket): string => `${socket.localAddress} ${socket.remoteAddress} ${socket.remotePort}`;

/** Why a verified handshake is not enough; undefined: it is. */
function refusalOf(socket: TLSSocket, clientAuth: ClientAuth): string | undefined {
  if (clientAuth === "no" || clientAuth === "require") return undefined;
  const shown = socket.getPeerX509Certificate();
  if (clientAuth === "optional") {
    return shown === undefined || socket.authorized ? undefined : `${socket.authorizationError}`;
  }
  const usage = shown === undefined ? undefined : usagesOf(shown);
  return usage === undefined || usage.includes(SERVER_AUTH)
    ? undefined
    : "it is for clients only (extended key usage), so it is no node's";
}

function describe(error: NodeJS.ErrnoException, socket: TLSSocket): { kind: string; why: string } {
  const { code } = error;
  if (code !== undefined && PLAIN_TEXT.has(code)) {
    return {
      kind: "PLAIN_TEXT",
      why: "a client spoke plain text, and this port speaks TLS; its connection was closed",
    };
  }
  // Node ends it itself, and then tells only of the end.
  // An error by its type, a code in truth; null: none.
  const refusal = socket.authorizationError as unknown;
  if (typeof refusal === "string") {
    return { kind: "CERTIFICATE", why: `the certificate of a client is refused: ${refusal}` };
  }
  if (code === "ERR_TLS_HANDSHAKE_TIMEOUT") {
    return { kind: "TIMEOUT", why: `a TLS handshake was not done within ${TLS_HANDSHAKE_MS_MAX} ms` };
  }
  if (code === "ECONNRESET")
    return { kind: "CLOSED", why: "a client left during the TLS handshake; perhaps it does not trust our certificate" };
  return { kind: "PROTOCOL", why: `a TLS handshake failed: ${tlsFailureText(error)}` };
}

/** OpenSSL's errors have a reason in a few words; their message is a line of its innards. */
export const tlsFailureText = (error: Error & { readonly reason?: unknown }): string =>
  typeof error.reason === "string" ? error.reason : error.message;
