import { keySlot } from "@sherd/client/protocol";
import { assert, KEY_BYTES_MAX, type Slot, slot as toSlot } from "../base/index.ts";
import { crossSlot, keyTooLong, wrongArity } from "./errors.ts";
import type { CommandSpec, Reply } from "./types.ts";

/** Whether so many arguments (without the name) are allowed. */
export const arityFits = (spec: CommandSpec, args: number): boolean =>
  spec.arity >= 0 ? args + 1 === spec.arity : args + 1 >= -spec.arity;

/** Positions of the keys in `args` (which lacks the name): first, last, step. */
const lastKey = (spec: CommandSpec, args: number): number =>
  spec.keys.last < 0 ? args + spec.keys.last : spec.keys.last - 1;

/** The keys of a command whose arity fits. */
export function keysOf(spec: CommandSpec, args: readonly Uint8Array[]): readonly Uint8Array[] {
  if (spec.keysIn !== undefined) return spec.keysIn(args);
  if (spec.keys.first === 0) return [];
  const keys: Uint8Array[] = [];
  const last = lastKey(spec, args.length);
  for (let at = spec.keys.first - 1; at <= last; at += spec.keys.step) keys.push(args[at] as Uint8Array);
  return keys;
}

/** The channels (or patterns of them) that a command whose arity fits names. */
export function channelsOf({ channels }: CommandSpec, args: readonly Uint8Array[]): readonly Uint8Array[] {
  if (channels === undefined) return [];
  return args.slice(channels.first - 1, channels.last < 0 ? undefined : channels.last);
}

function slotOf(keys: readonly Uint8Array[]): Slot | Reply {
  const [first] = keys;
  assert(first !== undefined, "a command that goes to a shard has a key");
  const slot = toSlot(keySlot(first));
  for (const key of keys) {
    if (key.length > KEY_BYTES_MAX) return keyTooLong(key.length);
    const other = toSlot(keySlot(key));
    if (other !== slot) return crossSlot(first, slot, key, other);
  }
  return slot;
}

/**
 * What every front asks before it gives a command with keys to the node: number of arguments, the command's own check,
 * key lengths, one slot. The slot, or the error to answer with: nothing has happened then.
 */
export function admit(spec: CommandSpec, args: readonly Uint8Array[]): Slot | Reply {
  if (!arityFits(spec, args.length)) return wrongArity(spec.name);
  if (spec.check !== undefined) {
    const refusal = spec.check(args);
    if (refusal !== undefined) return refusal;
  }
  if (spec.keysIn !== undefined) return slotOf(spec.keysIn(args));
  assert(spec.keys.first > 0, "a command that goes to a shard has a key");
  const first = args[spec.keys.first - 1] as Uint8Array;
  if (first.length > KEY_BYTES_MAX) return keyTooLong(first.length);
  const slot = toSlot(keySlot(first));
  const last = lastKey(spec, args.length);
  for (let at = spec.keys.first - 1 + spec.keys.step; at <= last; at += spec.keys.step) {
    const key = args[at] as Uint8Array;
    if (key.length > KEY_BYTES_MAX) return keyTooLong(key.length);
    const other = toSlot(keySlot(key));
    if (other !== slot) return crossSlot(first, slot, key, other);
  }
  return slot;
}
