import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { SherdError } from "../core/base/index.ts";
import type { ClientTls } from "./tls-options.ts";

export interface PortAddress {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls | undefined;
}

/** For a port that was reached a moment ago, or not at all. */
const PROBE_MS = 2_000;
/** RESP answers it, HTTP refuses it, HTTP/2 sends its settings before it has read it. */
const PLAIN_PROBE = "PING\r\n";
/** First bytes of TLS: a handshake, an alert. */
const TLS_RECORDS: readonly number[] = [0x16, 0x15];

/**
 * Runs what opens a connection. If that fails because one side speaks TLS and the other does not, the error says so: what
 * libraries say of it is a lost connection, a time-out, or OpenSSL's words for bytes that it does not know.
 */
export async function tellingTlsMismatch<T>(address: PortAddress, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof SherdError)) throw error;
    const { host, port, tls } = address;
    if (tls === undefined && (await speaksTls(host, port))) {
      throw new SherdError("SHERD_TLS_MISMATCH", `${host}:${port} speaks TLS, and plain text was sent.`, {
        cause: error,
      });
    }
    if (tls !== undefined && (await speaksPlainText(host, port))) {
      throw new SherdError("SHERD_TLS_MISMATCH", `${host}:${port} speaks plain text, and TLS was asked for.`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** False also when nothing is known: nobody there, no answer. */
function speaksTls(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is sent after the handshake, so it does not matter who it is.
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const done = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(PROBE_MS, () => done(false));
    socket.on("secureConnect", () => done(true));
    // An alert is TLS, too: no certificate of ours, no common version.
    socket.on("error", (error: NodeJS.ErrnoException) => done(error.code?.includes("ALERT") === true));
    socket.on("close", () => done(false));
  });
}

/** False also when nothing is known. */
function speaksPlainText(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (found: boolean): void => {
      socket.destroy();
      resolve(found);
    };
    socket.setTimeout(PROBE_MS, () => done(false));
    socket.on("connect", () => socket.write(PLAIN_PROBE));
    socket.on("data", (bytes) => done(!TLS_RECORDS.includes(bytes[0] as number)));
    socket.on("error", () => done(false));
    socket.on("close", () => done(false));
  });
}
