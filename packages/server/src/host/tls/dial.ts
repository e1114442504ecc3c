import { connect, type TLSSocket } from "node:tls";
import type { TlsIdentity } from "./identity.ts";

/**
 * Begins a connection to another node. Its certificate must come from our authority; the name in it is not compared with
 * the address, which may change at every start (ADR 8).
 */
export function dialTls(identity: TlsIdentity, host: string, port: number): TLSSocket {
  const socket = connect({
    host,
    port,
    secureContext: identity.certificate.context,
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  });
  socket.setNoDelay(true);
  return socket;
}
