import { ByteReader, ByteWriter, type GroupId, type ReplicaId, type SpaceId } from "../base/index.ts";
import { RowClass, type RowCodec, STORE_SPACE, SYSTEM_SLOT } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import type { Portion } from "./writes.ts";

/** What is to become of a space's rows. On disk: never change or reuse a number. */
export const SpaceFate = {
  /** They serve. */
  live: 1,
  /** They arrive; a restart clears them. */
  staging: 2,
  /** They are being deleted. */
  clearing: 3,
} as const;
export type SpaceFate = (typeof SpaceFate)[keyof typeof SpaceFate];

export interface SpaceRecord {
  readonly space: SpaceId;
  readonly fate: SpaceFate;
  readonly group: GroupId;
  readonly replica: ReplicaId;
}

/** The number of the only format that this version reads and writes. */
export const STORE_FORMAT = 1;

/** Of the space as the engine has it. */
export const recordOf = (space: MemorySpace): Omit<SpaceRecord, "fate"> => ({
  space: space.durableId,
  group: space.group,
  replica: space.replica,
});

export function putSpaceRecord(codec: RowCodec, portion: Portion, record: SpaceRecord): void {
  const bytes = new ByteWriter(16);
  bytes.u8(record.fate);
  bytes.u32(record.group);
  bytes.u64(record.replica);
  codec.buildPlain(STORE_SPACE, RowClass.space, spaceName(record.space), bytes.view());
  portion.put(codec.key, codec.value);
}

export function deleteSpaceRecord(codec: RowCodec, portion: Portion, space: SpaceId): void {
  codec.buildKey(STORE_SPACE, SYSTEM_SLOT, RowClass.space, spaceName(space));
  portion.delete(codec.key);
}

export function readSpaceRecord(name: Uint8Array, bytes: Uint8Array): SpaceRecord {
  const fields = new ByteReader(bytes);
  return {
    space: new DataView(name.buffer, name.byteOffset).getUint32(0) as SpaceId,
    fate: fields.u8() as SpaceFate,
    group: fields.u32() as GroupId,
    replica: fields.u64() as ReplicaId,
  };
}

/** Written with each new space, so that no number ever comes twice, not even after its space is cleared. */
export function putNextSpace(codec: RowCodec, portion: Portion, next: SpaceId): void {
  putNumber(codec, portion, RowClass.nextSpace, next);
}

export function putFormat(codec: RowCodec, portion: Portion): void {
  putNumber(codec, portion, RowClass.format, STORE_FORMAT);
}

function putNumber(codec: RowCodec, portion: Portion, rowClass: RowClass, value: number): void {
  const bytes = new ByteWriter(4);
  bytes.u32(value);
  codec.buildPlain(STORE_SPACE, rowClass, "", bytes.view());
  portion.put(codec.key, codec.value);
}

const spaceName = (space: SpaceId): string =>
  String.fromCharCode(space >>> 24, (space >>> 16) & 0xff, (space >>> 8) & 0xff, space & 0xff);
