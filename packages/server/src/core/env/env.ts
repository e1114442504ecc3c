import type { SherdError } from "../base/index.ts";

/** What every part of a node may ask for. One per node. */
export interface Env {
  /** Monotonic milliseconds, with fractions. Never goes back; says nothing about the date. */
  monotonicMs(): number;
  /** Milliseconds since 1970, as this machine believes. May jump. */
  wallMs(): number;
  /** 32 random bits. */
  random32(): number;
  /** CRC-32 as `base/crc32`; real nodes use zlib's. */
  checksum(bytes: Uint8Array, seed?: number): number;
  /** `base/text`'s latin1, or a faster one with the same result. */
  latin1(bytes: Uint8Array): string;
  /** Compresses (deflate, raw) off the main thread. */
  deflate(bytes: Uint8Array, done: (compressed: Uint8Array) => void): void;
  /** `undefined` for input that is damaged or would grow beyond `bytesMax`. */
  inflate(bytes: Uint8Array, bytesMax: number, done: (plain: Uint8Array | undefined) => void): void;
  /** Asks for one call of the node's pass soon; asking again before it runs changes nothing. */
  requestPass(): void;
  /** Ends the process (the simulated node). Does not return. */
  fatal(error: SherdError | Error): never;
  log(level: "debug" | "info" | "warn" | "error", message: string, fields?: Readonly<Record<string, unknown>>): void;
}
