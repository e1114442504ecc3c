import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Command } from "commander";
import { SherdError } from "../core/base/index.ts";

/** How a subcommand speaks to ports that speak TLS. */
export interface TlsOptions {
  readonly tls?: true;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** The same, read from the files. Without `ca` the server is verified by the authorities that Node brings. */
export interface ClientTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

export function addTlsOptions(command: Command): Command {
  return command
    .option("--tls", "speak TLS (also when a file is given below)")
    .option("--ca <file>", "PEM file of the authorities that the server's certificate is verified by")
    .option("--cert <file>", "PEM file of this client's certificate, where the server wants one")
    .option("--key <file>", "PEM file of its private key");
}

/** Undefined: plain text. Throws SHERD_CONFIG_INVALID and SHERD_TLS_CERTIFICATE. */
export function clientTls({ tls, ca, cert, key }: TlsOptions): ClientTls | undefined {
  if (tls !== true && ca === undefined && cert === undefined && key === undefined) return undefined;
  if ((cert === undefined) !== (key === undefined)) {
    throw new SherdError("SHERD_CONFIG_INVALID", "--cert and --key belong together, and one of them is missing.");
  }
  const files: ClientTls = {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && { cert: read(cert) }),
    ...(key !== undefined && { key: read(key) }),
  };
  try {
    createSecureContext(files);
  } catch (cause) {
    const names = [ca, cert, key].filter((name) => name !== undefined).join(", ");
    throw new SherdError("SHERD_TLS_CERTIFICATE", `${names}: ${(cause as Error).message}.`, { cause });
  }
  return files;
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new SherdError("SHERD_TLS_CERTIFICATE", `${file}: ${(cause as Error).message}.`, { cause });
  }
}
