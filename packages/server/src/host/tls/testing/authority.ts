/** Certificates for tests, made when they are needed. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { onTestFinished } from "vitest";
import type { TlsFiles } from "../certificate.ts";

const DAY_MS = 86_400_000;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface IssuedFiles extends TlsFiles {
  readonly ca: string;
}

export interface IssueOptions {
  /** Extended key usage; `none`: the certificate does not say. Default: both. */
  readonly usage?: "both" | "client" | "server" | "none";
  /** Default: from yesterday, for 60 days. */
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Names besides 127.0.0.1 and localhost. */
  readonly hosts?: readonly string[];
}

/** An authority with a directory of its own, which is gone after the test. */
export class TestAuthority {
  readonly directory: string;
  /** PEM file of its certificate. */
  readonly ca: string;
  readonly #pair: Pair;

  private constructor(directory: string, pair: Pair) {
    this.directory = directory;
    this.#pair = pair;
    this.ca = this.write("ca.pem", pair.cert);
  }

  /** The same, as text. */
  get text(): string {
    return `${this.#pair.cert.trimEnd()}\n`;
  }

  /** `parent`: an authority that vouches for this one; else it vouches for itself. */
  static async create(name = "test authority", parent?: TestAuthority): Promise<TestAuthority> {
    const made = await generate([{ name: "commonName", value: name }], {
      keyType: "ec",
      algorithm: "sha256",
      ...(parent !== undefined && { ca: parent.#pair }),
      extensions: [
        { name: "basicConstraints", cA: true, critical: true },
        { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
      ],
    });
    const directory = mkdtempSync(join(tmpdir(), "sherd-tls-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    return new TestAuthority(directory, { cert: made.cert, key: made.private });
  }

  async make(name: string, options: IssueOptions = {}): Promise<Pair> {
    const { usage = "both", hosts = [] } = options;
    const now = Date.now();
    const made = await generate([{ name: "commonName", value: name }], {
      keyType: "ec",
      algorithm: "sha256",
      ca: this.#pair,
      notBeforeDate: new Date(options.notBeforeMs ?? now - DAY_MS),
      notAfterDate: new Date(options.notAfterMs ?? now + 60 * DAY_MS),
      extensions: [
        ...(usage === "none"
          ? []
          : [{ name: "extKeyUsage" as const, serverAuth: usage !== "client", clientAuth: usage !== "server" }]),
        {
          name: "subjectAltName",
          altNames: [
            { type: 7, ip: "127.0.0.1" },
            { type: 2, value: "localhost" },
            ...hosts.map((value) => ({ type: 2 as const, value })),
          ],
        },
      ],
    });
    return { cert: made.cert, key: made.private };
  }

  /** Makes a certificate and writes it beside the authority's. */
  async issue(name: string, options: IssueOptions = {}): Promise<IssuedFiles> {
    const files = { cert: join(this.directory, `${name}.pem`), key: join(this.directory, `${name}.key`), ca: this.ca };
    await this.replace(files, name, options);
    return files;
  }

  /** Puts another certificate of that name where the first one is, each file at once. */
  async replace(files: TlsFiles, name: string, options: IssueOptions = {}): Promise<void> {
    const { cert, key } = await this.make(name, options);
    for (const [path, text] of [
      [files.cert, cert],
      [files.key, key],
    ] as const) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    }
  }

  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }
}
