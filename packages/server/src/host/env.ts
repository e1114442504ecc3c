import { randomBytes } from "node:crypto";
import { deflateRaw, inflateRaw, crc32 as zlibCrc32 } from "node:zlib";
import { SherdError } from "../core/base/index.ts";
import type { Env } from "../core/env/index.ts";

export interface HostEnvOptions {
  /** Writes the error down and ends the process before anything else runs. */
  readonly fatal: (error: Error) => never;
  readonly log: Env["log"];
  readonly requestPass: () => void;
}

/** Fastest setting: chunks are compressed while clients wait. */
const DEFLATE_LEVEL = 1;

/** Env on the real machine. */
export function hostEnv(options: HostEnvOptions): Env {
  return {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    random32: () => randomBytes(4).readUInt32LE(0),
    checksum: (bytes, seed = 0) => zlibCrc32(bytes, seed),
    latin1: (bytes) => Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length),
    deflate: (bytes, done) => {
      deflateRaw(bytes, { level: DEFLATE_LEVEL }, (error, compressed) => {
        if (error !== null) options.fatal(error);
        done(compressed);
      });
    },
    inflate: (bytes, bytesMax, done) => {
      // What is damaged or too large is the sender's fault and an answer; it is not this node's failure.
      inflateRaw(bytes, { maxOutputLength: bytesMax }, (error, plain) => done(error === null ? plain : undefined));
    },
    requestPass: options.requestPass,
    fatal: options.fatal,
    log: options.log,
  };
}

/** Calls `run` once for any number of requests, after the inputs that are already there. */
export class PassScheduler {
  #run: (() => void) | undefined;
  #requested = false;

  readonly request = (): void => {
    if (this.#requested) return;
    this.#requested = true;
    setImmediate(this.#turn);
  };

  /** From now on; what was requested before is run too. */
  start(run: () => void): void {
    this.#run = run;
  }

  stop(): void {
    this.#run = undefined;
  }

  readonly #turn = (): void => {
    this.#requested = false;
    this.#run?.();
  };
}

/** zlib.crc32 came with Node 20.15; without it nothing on disk could be checked. */
export function checkPlatform(): void {
  if (typeof zlibCrc32 !== "function") {
    throw new SherdError("SHERD_CONFIG_INVALID", `sherd needs Node 20.15 or newer; this is ${process.versions.node}.`);
  }
}
