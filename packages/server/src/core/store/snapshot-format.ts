import { ByteReader, ByteWriter, type Index } from "../base/index.ts";
import type { Env } from "../env/index.ts";

/** "SHSN", little-endian. */
const MAGIC = 0x4e53_4853;
const VERSION = 1;
const FLAG_FINAL = 0x01;
/** magic u32, crc u32, version u8, flags u8, reserved u16, sequence u32, rows u32, plain bytes u32. */
const HEADER_BYTES = 24;
/** The checksum covers what lies behind it. */
const CRC_AT = 4;
const COVERED_AT = 8;

/** One chunk of a snapshot; see docs/formats/snapshot.md. */
export interface Chunk {
  readonly sequence: number;
  readonly final: boolean;
  /** Rows in `body`; in the final chunk, which has none, 0. */
  readonly rows: number;
  readonly plainBytes: number;
  /** Compressed. A view of the chunk. */
  readonly body: Uint8Array;
}

export function encodeChunk(env: Env, chunk: Chunk): Uint8Array {
  const out = new ByteWriter(HEADER_BYTES + chunk.body.length);
  out.u32(MAGIC);
  out.u32(0);
  out.u8(VERSION);
  out.u8(chunk.final ? FLAG_FINAL : 0);
  out.u16(0);
  out.u32(chunk.sequence);
  out.u32(chunk.rows);
  out.u32(chunk.plainBytes);
  out.bytes(chunk.body);
  out.patchU32(CRC_AT, env.checksum(out.view().subarray(COVERED_AT)));
  return out.view();
}

/** Undefined when it is damaged or of another version. */
export function decodeChunk(env: Env, bytes: Uint8Array): Chunk | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const fields = new ByteReader(bytes);
  if (fields.u32() !== MAGIC) return undefined;
  if (fields.u32() !== env.checksum(bytes.subarray(COVERED_AT))) return undefined;
  if (fields.u8() !== VERSION) return undefined;
  const final = (fields.u8() & FLAG_FINAL) !== 0;
  fields.u16();
  const sequence = fields.u32();
  const rows = fields.u32();
  const plainBytes = fields.u32();
  return { sequence, final, rows, plainBytes, body: fields.take(fields.remaining) };
}

/** What the final chunk says, so that a snapshot that lost chunks or rows is never taken for a whole one. */
export interface Totals {
  readonly rows: number;
  readonly applied: Index;
  /** See `addToDigest`. */
  readonly digest: number;
}

/**
 * A checksum over the checksums of all chunks before the final one, in order. Not over the rows: each of them ends in
 * its own CRC, and a CRC over something with its CRC behind it is the same whatever it holds.
 */
export const addToDigest = (env: Env, digest: number, chunk: Uint8Array): number =>
  env.checksum(chunk.subarray(CRC_AT, COVERED_AT), digest);

export function encodeTotals(totals: Totals): Uint8Array {
  const out = new ByteWriter(20);
  out.u64(totals.rows);
  out.u64(totals.applied);
  out.u32(totals.digest);
  return out.copy();
}

export function decodeTotals(bytes: Uint8Array): Totals {
  const fields = new ByteReader(bytes);
  return { rows: fields.u64(), applied: fields.u64() as Index, digest: fields.u32() };
}
