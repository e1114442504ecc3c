import { stat } from "node:fs/promises";
import { SherdError } from "../../core/base/index.ts";
import { type Certificate, type CertificateUse, readCertificate, type TlsFiles } from "./certificate.ts";
import { TLS_CHECK_MS, TLS_EXPIRY_WARN_AGAIN_MS, TLS_EXPIRY_WARN_MS } from "./limits.ts";

export type TlsLog = (level: "info" | "warn" | "error", message: string, fields: Record<string, unknown>) => void;

export interface TlsIdentityOptions {
  readonly files: TlsFiles;
  readonly use: CertificateUse;
  /** Who uses it, for the log: `client ports`, `peer port`. */
  readonly name: string;
  readonly log: TlsLog;
  /** Default: TLS_CHECK_MS. */
  readonly checkMs?: number;
  /** Wall time: certificates are judged by it. */
  readonly nowMs?: () => number;
}

/** For metrics. */
export interface CertificateFacts {
  readonly subject: string;
  readonly fingerprint: string;
  readonly notAfterMs: number;
  /** Since the start. */
  readonly reloads: number;
  /** Times that files changed, or were told to be read, and could not be used. */
  readonly failedReloads: number;
  readonly handshakes: number;
  readonly failedHandshakes: number;
  readonly handshakesUnderWay: number;
}

/** One certificate that this node presents, with what it verifies others by. Read again when its files change. */
export class TlsIdentity {
  readonly name: string;
  readonly log: TlsLog;
  /** Counted by the servers that use it; all of them together are bounded by TLS_HANDSHAKES_MAX. */
  readonly counts: { handshakes: number; failedHandshakes: number; handshakesUnderWay: number } = {
    handshakes: 0,
    failedHandshakes: 0,
    handshakesUnderWay: 0,
  };
  /** Handshakes under way by where they come from; bounded by TLS_HANDSHAKES_PER_ADDRESS_MAX each. */
  readonly underWayFrom: Map<string, number> = new Map();
  readonly #files: TlsFiles;
  readonly #use: CertificateUse;
  readonly #nowMs: () => number;
  readonly #listeners = new Set<(certificate: Certificate) => void>();
  readonly #timer: NodeJS.Timeout;
  #certificate: Certificate;
  /** Of the files as they were when they were last read, whether or not they could be used. */
  #signature: string;
  #reading: Promise<void> | undefined;
  #warnedMs = Number.NEGATIVE_INFINITY;
  #reloads = 0;
  #failedReloads = 0;

  /** Rejects with SHERD_TLS_CERTIFICATE. */
  static async open(options: TlsIdentityOptions): Promise<TlsIdentity> {
    const signature = await signatureOf(options.files);
    const certificate = await readCertificate(options.files, options.use, (options.nowMs ?? Date.now)());
    return new TlsIdentity(options, certificate, signature);
  }

  private constructor(options: TlsIdentityOptions, certificate: Certificate, signature: string) {
    this.name = options.name;
    this.log = options.log;
    this.#files = options.files;
    this.#use = options.use;
    this.#nowMs = options.nowMs ?? Date.now;
    this.#certificate = certificate;
    this.#signature = signature;
    this.#say("TLS certificate loaded");
    this.#warnOfExpiry();
    // Looking is the only way that works wherever files come from: mounted volumes replace a directory behind a link.
    this.#timer = setInterval(() => void this.check(), options.checkMs ?? TLS_CHECK_MS).unref();
  }

  /** What is in force. */
  get certificate(): Certificate {
    return this.#certificate;
  }

  get facts(): CertificateFacts {
    const { subject, fingerprint, notAfterMs } = this.#certificate;
    return {
      subject,
      fingerprint,
      notAfterMs,
      reloads: this.#reloads,
      failedReloads: this.#failedReloads,
      ...this.counts,
    };
  }

  /** `listener` is told of every certificate that comes into force. Returns how to be told no more. */
  onChange(listener: (certificate: Certificate) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Reads the files if they are not what they were. */
  async check(): Promise<void> {
    this.#warnOfExpiry();
    if ((await signatureOf(this.#files)) !== this.#signature) await this.reload();
  }

  /** Reads the files. What cannot be used is logged and changes nothing. */
  reload(): Promise<void> {
    // A second wish during a reading is for what the files hold after it.
    const before = this.#reading ?? Promise.resolve();
    const reading = before.then(() => this.#read());
    this.#reading = reading;
    return reading;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#listeners.clear();
  }

  async #read(): Promise<void> {
    // Taken before the reading: what changes meanwhile is seen as a change at the next look.
    this.#signature = await signatureOf(this.#files);
    let certificate: Certificate;
    try {
      certificate = await readCertificate(this.#files, this.#use, this.#nowMs());
    } catch (error) {
      if (!(error instanceof SherdError)) throw error;
      this.#failedReloads += 1;
      this.log("error", `TLS certificate of the ${this.name} not replaced: ${error.message}`, {
        code: error.code,
        inForce: this.#certificate.fingerprint,
      });
      return;
    }
    this.#certificate = certificate;
    this.#reloads += 1;
    this.#warnedMs = Number.NEGATIVE_INFINITY;
    this.#say("TLS certificate replaced");
    this.#warnOfExpiry();
    for (const listener of this.#listeners) listener(certificate);
  }

  #say(what: string): void {
    const { subject, fingerprint, notAfterMs } = this.#certificate;
    const notAfter = new Date(notAfterMs).toISOString();
    this.log("info", `${what} (${this.name}), valid until ${notAfter}`, { subject, fingerprint, notAfter });
  }

  #warnOfExpiry(): void {
    const nowMs = this.#nowMs();
    const leftMs = this.#certificate.notAfterMs - nowMs;
    if (leftMs > TLS_EXPIRY_WARN_MS || nowMs - this.#warnedMs < TLS_EXPIRY_WARN_AGAIN_MS) return;
    this.#warnedMs = nowMs;
    const notAfter = new Date(this.#certificate.notAfterMs).toISOString();
    if (leftMs > 0) {
      this.log("warn", `the TLS certificate of the ${this.name} ends soon: ${notAfter}`, { notAfter });
    } else {
      this.log("error", `the TLS certificate of the ${this.name} has expired: handshakes fail`, { notAfter });
    }
  }
}

/** Changes when a file is written, replaced, removed or linked to another one. */
async function signatureOf({ cert, key, ca }: TlsFiles): Promise<string> {
  const files = ca === undefined ? [cert, key] : [cert, key, ca];
  const parts = await Promise.all(
    files.map(async (file) => {
      try {
        const { ino, size, mtimeNs } = await stat(file, { bigint: true });
        return `${ino}:${size}:${mtimeNs}`;
      } catch (error) {
        // Reading it says so in words.
        return `${(error as NodeJS.ErrnoException).code}`;
      }
    }),
  );
  return parts.join(" ");
}
