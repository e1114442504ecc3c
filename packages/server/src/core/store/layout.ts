import { ByteWriter, latin1, type Slot, type SpaceId } from "../base/index.ts";
import type { Env } from "../env/index.ts";
import type { Row, RowKind } from "./types.ts";

/**
 * What a row of the engine is: the byte behind the slot in its key. On disk: never change or reuse a number.
 * See docs/formats/store.md.
 */
export const RowClass = {
  /** The primary row of a user's key. */
  primary: 0x01,
  /** Written by the space's owner: applied index, sessions, counts. */
  system: 0x40,
  /** The applied index of the space, as the store keeps it. */
  applied: 0x41,
  /** Says when a key ends: lies in the order of time, so that those that have ended are found without a scan. */
  ending: 0x42,
  // --- of the store itself, in space 0
  format: 0x50,
  /** The id that the next space gets. */
  nextSpace: 0x51,
  space: 0x52,
  marker: 0x53,
} as const;
export type RowClass = (typeof RowClass)[keyof typeof RowClass];

/** The space of the store's own rows. */
export const STORE_SPACE: SpaceId = 0 as SpaceId;
/** Stands in the place of a slot, behind all of them, in rows that belong to no slot. */
export const SYSTEM_SLOT: Slot = 0xffff as Slot;
/** space u32, slot u16, class u8. */
export const KEY_PREFIX_BYTES = 7;
/** The space's number leads the key and is not covered by the row's checksum: another node has another number. */
export const SPACE_PREFIX_BYTES = 4;

const CRC_BYTES = 4;
const FLAG_EXPIRES = 0x01;
/** kind u8, flags u8, version u64. */
const ROW_HEADER_BYTES = 10;

/** Big-endian, so that the engine's order is by space, slot, class and then the key's bytes. */
export function rowKey(space: SpaceId, slot: Slot, rowClass: RowClass, key: string): Uint8Array {
  const bytes = new Uint8Array(KEY_PREFIX_BYTES + key.length);
  fillKey(bytes, 0, space, slot, rowClass, key);
  return bytes;
}

/** Writes KEY_PREFIX_BYTES and the key's bytes. */
export function fillKey(
  bytes: Uint8Array,
  at: number,
  space: SpaceId,
  slot: Slot,
  rowClass: RowClass,
  key: string,
): void {
  fillSpace(bytes, at, space);
  bytes[at + 4] = slot >>> 8;
  bytes[at + 5] = slot;
  bytes[at + 6] = rowClass;
  for (let i = 0, to = at + KEY_PREFIX_BYTES; i < key.length; i += 1, to += 1) bytes[to] = key.charCodeAt(i);
}

export function fillSpace(bytes: Uint8Array, at: number, space: SpaceId): void {
  bytes[at] = space >>> 24;
  bytes[at + 1] = space >>> 16;
  bytes[at + 2] = space >>> 8;
  bytes[at + 3] = space;
}

/** The first key that could belong to a space; that of the next number ends its range. */
export function spaceStart(space: number): Uint8Array {
  const bytes = new Uint8Array(SPACE_PREFIX_BYTES);
  fillSpace(bytes, 0, space as SpaceId);
  return bytes;
}

/** Where rows of one class begin among those that belong to no slot; the next class ends their range. */
export const systemStart = (space: SpaceId, rowClass: number): Uint8Array =>
  rowKey(space, SYSTEM_SLOT, rowClass as RowClass, "");

export const keyClass = (key: Uint8Array): number => key[6] ?? -1;

/**
 * Builds rows in one buffer that it uses again, and checks them on their way back. One per store.
 *
 * The checksum is the last field and covers the key behind the space's number and all of the value before it. So key
 * and value lie in one piece while it is computed, and it stays right when a snapshot carries the row to another node.
 */
export class RowCodec {
  readonly #env: Env;
  readonly #writer: ByteWriter = new ByteWriter(4096);
  #keyLength = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  /** The key of the row built last. Valid until the next one is built. */
  get key(): Uint8Array {
    return this.#writer.raw.subarray(0, this.#keyLength);
  }

  /** The value of the row built last. Valid until the next one is built. */
  get value(): Uint8Array {
    return this.#writer.raw.subarray(this.#keyLength, this.#writer.length);
  }

  buildKey(space: SpaceId, slot: Slot, rowClass: RowClass, key: string): void {
    this.#writer.reset();
    this.#keyLength = KEY_PREFIX_BYTES + key.length;
    this.#writer.skip(this.#keyLength);
    fillKey(this.#writer.raw, 0, space, slot, rowClass, key);
  }

  buildRow(space: SpaceId, slot: Slot, key: string, row: Row): void {
    this.buildKey(space, slot, RowClass.primary, key);
    this.#writer.u8(row.kind);
    this.#writer.u8(row.expiresAtMs === 0 ? 0 : FLAG_EXPIRES);
    this.#writer.u64(row.version);
    if (row.expiresAtMs !== 0) this.#writer.u64(row.expiresAtMs);
    this.#writer.bytes(row.payload);
    this.#seal();
  }

  /** A row that belongs to no slot: its value is bytes and a checksum. */
  buildPlain(space: SpaceId, rowClass: RowClass, name: string, bytes: Uint8Array): void {
    this.buildKey(space, SYSTEM_SLOT, rowClass, name);
    this.#writer.bytes(bytes);
    this.#seal();
  }

  /** The index row of a key that ends. */
  buildEnding(space: SpaceId, slot: Slot, key: string, endsAtMs: number): void {
    this.buildPlain(space, RowClass.ending, endingName(endsAtMs, slot, key), NO_BYTES);
  }

  buildEndingKey(space: SpaceId, slot: Slot, key: string, endsAtMs: number): void {
    this.buildKey(space, SYSTEM_SLOT, RowClass.ending, endingName(endsAtMs, slot, key));
  }

  #seal(): void {
    const covered = this.#writer.view().subarray(SPACE_PREFIX_BYTES);
    this.#writer.u32(this.#env.checksum(covered));
  }

  /** True if the value is the one that was written under this key. */
  sound(key: Uint8Array, value: Uint8Array): boolean {
    const end = value.length - CRC_BYTES;
    if (end < 0 || key.length < KEY_PREFIX_BYTES) return false;
    const stored =
      ((value[end] as number) |
        ((value[end + 1] as number) << 8) |
        ((value[end + 2] as number) << 16) |
        ((value[end + 3] as number) << 24)) >>>
      0;
    const seed = this.#env.checksum(key.subarray(SPACE_PREFIX_BYTES));
    return this.#env.checksum(value.subarray(0, end), seed) === stored;
  }

  /** Undefined when the row is damaged. The payload is a view of the value. */
  readRow(key: Uint8Array, value: Uint8Array): Row | undefined {
    if (value.length < ROW_HEADER_BYTES + CRC_BYTES || !this.sound(key, value)) return undefined;
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    const expires = (view.getUint8(1) & FLAG_EXPIRES) !== 0;
    const start = expires ? ROW_HEADER_BYTES + 8 : ROW_HEADER_BYTES;
    const length = value.length - CRC_BYTES - start;
    if (length < 0) return undefined;
    return {
      kind: view.getUint8(0) as RowKind,
      version: readU64(view, 2),
      expiresAtMs: expires ? readU64(view, ROW_HEADER_BYTES) : 0,
      payload: value.subarray(start, start + length),
    };
  }

  /** The bytes of a row that belongs to no slot; undefined when it is damaged. */
  readPlain(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    return this.sound(key, value) ? value.slice(0, value.length - CRC_BYTES) : undefined;
  }
}

const readU64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);

const NO_BYTES = new Uint8Array(0);
/** u64 and u16, big-endian. */
const ENDING_HEADER_BYTES = 10;

/** Where the index row of a key that ends at this moment lies among the others: by time, then slot, then key. */
export function endingName(endsAtMs: number, slot: number, key: string): string {
  let name = "";
  const high = Math.floor(endsAtMs / 2 ** 32);
  const low = endsAtMs % 2 ** 32;
  for (const word of [high, low]) {
    name += String.fromCharCode(word >>> 24, (word >>> 16) & 0xff, (word >>> 8) & 0xff, word & 0xff);
  }
  return name + String.fromCharCode(slot >>> 8, slot & 0xff) + key;
}

/** What an index row's key says; undefined when it is none. */
export function readEnding(rowKey: Uint8Array): { endsAtMs: number; slot: Slot; key: string } | undefined {
  if (rowKey.length < KEY_PREFIX_BYTES + ENDING_HEADER_BYTES || keyClass(rowKey) !== RowClass.ending) return undefined;
  const view = new DataView(rowKey.buffer, rowKey.byteOffset + KEY_PREFIX_BYTES, ENDING_HEADER_BYTES);
  return {
    endsAtMs: view.getUint32(0) * 2 ** 32 + view.getUint32(4),
    slot: view.getUint16(8) as Slot,
    key: latin1(rowKey.subarray(KEY_PREFIX_BYTES + ENDING_HEADER_BYTES)),
  };
}
