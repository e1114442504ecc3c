import { ByteReader, ByteWriter, KEY_PAGE_KEYS_MAX, PATTERN_BYTES_MAX, SLOT_COUNT, type Slot } from "../base/index.ts";
import { array, bulk, type CommandSpec, integer, type Reply } from "../command/index.ts";
import { Opcode } from "./entry.ts";

/**
 * Reads of a shard that are about keys and not about a key: what SCAN, KEYS, DBSIZE, RANDOMKEY and CLUSTER GETKEYSINSLOT
 * ask of shards (docs/formats/messages.md). The replica answers them (`replica/key-reads`).
 */
function read(name: string, opcode: number): CommandSpec {
  const keys = { first: 0, last: 0, step: 0 };
  return { name, opcode, arity: -1, flags: ["readonly"], keys, since: "", group: "internal", summary: "" };
}

/** Keys of some slots of the shard; the request's slot is the first of them. */
export const KEY_PAGE: CommandSpec = read("keys.page", Opcode.keyPage);
/** How many keys the shard has. */
export const SHARD_KEYS: CommandSpec = read("keys.shard", Opcode.shardKeys);
/** How many keys the request's slot has. */
export const SLOT_KEYS: CommandSpec = read("keys.slot", Opcode.slotKeys);
/** Some key of the shard, or nil. */
export const RANDOM_KEY: CommandSpec = read("keys.random", Opcode.randomKey);

const KEY_READS = [KEY_PAGE, SHARD_KEYS, SLOT_KEYS, RANDOM_KEY] as const;

/** One of those above, by its number. */
export const keyReadOf = (opcode: number): CommandSpec | undefined => KEY_READS.find((spec) => spec.opcode === opcode);

/** Places that a replica remembers have numbers below this: with a slot they fit into a double. */
export const PLACES_END: number = 2 ** 39;

export interface KeyPageRequest {
  /** Behind which key of the first slot: a number that the replica gave for it. 0: from the slot's first key on. */
  readonly place: number;
  /** The last slot to look at. */
  readonly toSlot: Slot;
  /** About so many keys are looked at; the keys of a small slot come together. */
  readonly keysMax: number;
  /** Glob of the keys to answer with. Undefined: all. */
  readonly pattern: Uint8Array | undefined;
}

export interface KeyPageReply {
  readonly keys: readonly Uint8Array[];
  /** Keys that were looked at. */
  readonly examined: number;
  /** Where to continue; undefined: all slots are done. */
  readonly next: { readonly slot: Slot; readonly place: number } | undefined;
}

const TWO_32 = 2 ** 32;
/** u48 place, u16 last slot, u32 count. */
const REQUEST_BYTES = 12;

export function encodeKeyPageRequest({ place, toSlot, keysMax, pattern }: KeyPageRequest): Uint8Array[] {
  const out = new ByteWriter(REQUEST_BYTES);
  out.u32(place % TWO_32);
  out.u16(Math.floor(place / TWO_32));
  out.u16(toSlot);
  out.u32(keysMax);
  return pattern === undefined ? [out.copy()] : [out.copy(), pattern];
}

/** Undefined: no `encodeKeyPageRequest` wrote it. */
export function decodeKeyPageRequest(args: readonly Uint8Array[]): KeyPageRequest | undefined {
  const [fields, pattern] = args;
  if (fields?.length !== REQUEST_BYTES || args.length > 2) return undefined;
  if (pattern !== undefined && pattern.length > PATTERN_BYTES_MAX) return undefined;
  const input = new ByteReader(fields);
  const place = input.u32() + input.u16() * TWO_32;
  const toSlot = input.u16() as Slot;
  const keysMax = input.u32();
  if (place >= PLACES_END || toSlot >= SLOT_COUNT || keysMax < 1 || keysMax > KEY_PAGE_KEYS_MAX) return undefined;
  return { place, toSlot, keysMax, pattern };
}

/** Whether the arguments are such as the read takes. */
export const keyReadFits = (spec: CommandSpec, args: readonly Uint8Array[]): boolean =>
  spec === KEY_PAGE ? decodeKeyPageRequest(args) !== undefined : args.length === 0;

export const encodeKeyPageReply = ({ keys, examined, next }: KeyPageReply): Reply =>
  array([integer(next?.slot ?? SLOT_COUNT), integer(next?.place ?? 0), integer(examined), array(keys.map(bulk))]);

/** Undefined: no `encodeKeyPageReply` made it. */
export function decodeKeyPageReply(reply: Reply): KeyPageReply | undefined {
  if (reply.type !== "array") return undefined;
  const [slot, place, examined, found] = reply.items;
  if (slot?.type !== "integer" || place?.type !== "integer" || examined?.type !== "integer") return undefined;
  if (found?.type !== "array") return undefined;
  const keys: Uint8Array[] = [];
  for (const item of found.items) {
    if (item.type !== "bulk") return undefined;
    keys.push(item.bytes);
  }
  const at = { slot: Number(slot.value) as Slot, place: Number(place.value) };
  return { keys, examined: Number(examined.value), next: at.slot < SLOT_COUNT ? at : undefined };
}
