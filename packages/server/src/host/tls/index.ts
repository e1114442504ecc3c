/**
 * host/tls: certificates, and servers that speak TLS with them.
 *
 * A `TlsIdentity` is a certificate with its key and authorities, read from files and read again when these change. Servers and
 * dialed connections ask it for what is in force; so a new certificate holds for every handshake that begins after it was
 * read, and for no connection that is open.
 *
 * Invariants
 * - Files that cannot be used never replace a certificate that is in force; at the start they refuse the start.
 * - No connection is handed on before its handshake is done and, where that is asked for, its certificate verified.
 * - Handshakes under way are bounded in number and time; what becomes of one never touches another.
 * - Failures are logged at a bounded rate, whoever causes them.
 *
 * It does not: know what is said over a connection, nor who may say what.
 */
export { type Certificate, type CertificateUse, readCertificate, type TlsFiles } from "./certificate.ts";
export { dialTls } from "./dial.ts";
export { type CertificateFacts, TlsIdentity, type TlsIdentityOptions, type TlsLog } from "./identity.ts";
export { TLS_CHECK_MS, TLS_HANDSHAKE_MS_MAX, TLS_HANDSHAKES_MAX, TLS_HANDSHAKES_PER_ADDRESS_MAX } from "./limits.ts";
export {
  type ClientAuth,
  createTlsServer,
  guardTlsServer,
  type TlsPort,
  type TlsServer,
  tlsFailureText,
  tlsServerOptions,
} from "./server.ts";
