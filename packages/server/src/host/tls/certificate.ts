import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { SherdError } from "../../core/base/index.ts";
import { TLS_FILE_BYTES_MAX } from "./limits.ts";

/** PEM files. */
export interface TlsFiles {
  /** The certificate, followed by those between it and the authority, if there are any. */
  readonly cert: string;
  /** Its private key, not encrypted. */
  readonly key: string;
  /** The authorities by which the other side is verified; without it those that Node brings. */
  readonly ca?: string | undefined;
}

/** A certificate that can be used: it parses, its key fits and it is valid now. */
export interface Certificate {
  /** What a server is built from, or changed to. */
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  readonly subject: string;
  /** SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
  readonly notAfterMs: number;
}

/** What a certificate is shown for: to clients that connect, or to other nodes in both directions. */
export type CertificateUse = "server" | "node";

/** Extended key usages. */
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * Throws SHERD_TLS_CERTIFICATE, naming the file and what is wrong with it: also what only the other side would notice,
 * because there it is far from whoever can put it right.
 */
export async function readCertificate(files: TlsFiles, use: CertificateUse, nowMs: number): Promise<Certificate> {
  const [cert, key, ca] = await Promise.all([
    readBounded(files.cert),
    readBounded(files.key),
    files.ca === undefined ? undefined : readBounded(files.ca),
  ]);
  const leaf = parsed(files.cert, () => new X509Certificate(cert));
  const privateKey = parsed(files.key, (): KeyObject => createPrivateKey(key));
  if (!leaf.checkPrivateKey(privateKey)) {
    throw unusable(files.key, `it is not the key of the certificate in ${files.cert}`);
  }
  checkTime(files.cert, leaf, nowMs);
  checkUsage(files.cert, leaf, use);
  if (ca !== undefined && files.ca !== undefined) {
    const authorities = parseAuthorities(files.ca, ca);
    if (use === "node")
      checkIssuer(files.cert, [leaf, ...certificatesIn(files.cert, cert).slice(1)], authorities, files.ca);
  }
  const options: SecureContextOptions = { cert, key, minVersion: "TLSv1.2", ...(ca !== undefined && { ca }) };
  return {
    options,
    context: parsed(files.cert, () => createSecureContext(options)),
    subject: leaf.subject.replaceAll("\n", ", "),
    fingerprint: leaf.fingerprint256,
    notAfterMs: Date.parse(leaf.validTo),
  };
}

function checkTime(file: string, leaf: X509Certificate, nowMs: number): void {
  if (Date.parse(leaf.validTo) <= nowMs) throw unusable(file, `the certificate has expired on ${leaf.validTo}`);
  if (Date.parse(leaf.validFrom) > nowMs) throw unusable(file, `the certificate is not valid before ${leaf.validFrom}`);
}

function checkUsage(file: string, leaf: X509Certificate, use: CertificateUse): void {
  const usages = usagesOf(leaf);
  if (usages === undefined) return;
  const server = usages.includes(SERVER_AUTH);
  if (use === "server" && !server) throw unusable(file, "the certificate is not for servers (extended key usage)");
  if (use === "node" && !(server && usages.includes(CLIENT_AUTH))) {
    throw unusable(file, "between nodes a certificate must be for servers and for clients (extended key usage)");
  }
}

/** Undefined: it may be used for anything. */
export const usagesOf = (certificate: X509Certificate): readonly string[] | undefined =>
  certificate.keyUsage as string[] | undefined;

/** Nodes have the same authorities: what ours do not vouch for, the others' will not either. */
function checkIssuer(
  file: string,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  caFile: string,
): void {
  let current = chain[0] as X509Certificate;
  // Each step uses one certificate of the chain up.
  for (const _ of chain) {
    const issued = (by: X509Certificate): boolean => current.checkIssued(by) && current.verify(by.publicKey);
    if (authorities.some((by) => issued(by) || by.fingerprint256 === current.fingerprint256)) return;
    const next = chain.find((by) => by !== current && issued(by));
    if (next === undefined) break;
    current = next;
  }
  throw unusable(file, `no authority of ${caFile} has signed it, so other nodes would refuse it`);
}

const CERTIFICATE = /^-----BEGIN CERTIFICATE-----\s*$[^-]*^-----END CERTIFICATE-----\s*$/gm;

const parseAuthorities = (file: string, pem: Buffer): X509Certificate[] => {
  const authorities = certificatesIn(file, pem);
  if (authorities.length === 0) throw unusable(file, "it holds no certificate");
  return authorities;
};

/** OpenSSL passes over what it cannot read, and then nobody is trusted, or fewer than were meant. */
function certificatesIn(file: string, pem: Buffer): X509Certificate[] {
  const text = pem.toString("latin1");
  const blocks = text.match(CERTIFICATE) ?? [];
  const begun = text.split("BEGIN CERTIFICATE").length - 1;
  if (begun !== blocks.length) {
    throw unusable(file, "one of its certificates does not begin or end on a line of its own");
  }
  return blocks.map((block) => parsed(file, () => new X509Certificate(block)));
}

async function readBounded(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, "r");
    try {
      const { size } = await handle.stat();
      if (size <= TLS_FILE_BYTES_MAX) return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unusable(file, (cause as Error).message, cause);
  }
  throw unusable(file, `it is longer than ${TLS_FILE_BYTES_MAX} bytes`);
}

function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const encrypted = code === "ERR_MISSING_PASSPHRASE" || message.includes("interrupted or cancelled");
    throw unusable(
      file,
      encrypted ? "the key is encrypted, and there is nobody to ask for its password" : message,
      cause,
    );
  }
}

function unusable(file: string, why: string, cause?: unknown): SherdError {
  return new SherdError("SHERD_TLS_CERTIFICATE", `${file}: ${why}.`, { cause });
}
