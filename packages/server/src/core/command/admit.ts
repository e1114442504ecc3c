import { keySlot } from "@sherd/client/protocol";
import { assert, KEY_BYTES_MAX, type Slot, slot as toSlot } from "../base/index.ts";
import { crossSlot, keyTooLong, wrongArity } from "./errors.ts";
import type { CommandSpec, KeyPositions, Reply } from "./types.ts";

/** Whether so many arguments (without the name) are allowed. */
export const arityFits = (spec: CommandSpec, args: number): boolean =>
  spec.arity >= 0 ? args + 1 === spec.arity : args + 1 >= -spec.arity;

/** Place of the last key in `args` (which lacks the name). */
export const lastKey = ({ last }: KeyPositions, args: number): number => (last < 0 ? args + last : last - 1);

function keysAt(positions: KeyPositions, args: readonly Uint8Array[]): Uint8Array[] {
  const keys: Uint8Array[] = [];
  if (positions.first === 0) return keys;
  const last = lastKey(positions, args.length);
  for (let at = positions.first - 1; at <= last; at += positions.step) keys.push(args[at] as Uint8Array);
  return keys;
}

/** The keys of a command whose arity fits. */
export const keysOf = (spec: CommandSpec, args: readonly Uint8Array[]): readonly Uint8Array[] =>
  spec.keysIn === undefined ? keysAt(spec.keys, args) : spec.keysIn(args);

/** Of a command without `valuesIn`: where the keys are whose values it looks at. */
export const valuePositions = (spec: CommandSpec, args: readonly Uint8Array[]): KeyPositions =>
  typeof spec.values === "function" ? spec.values(args) : (spec.values ?? spec.keys);

/** The keys whose values a command looks at. */
export const valuesOf = (spec: CommandSpec, args: readonly Uint8Array[]): readonly Uint8Array[] =>
  spec.valuesIn === undefined ? keysAt(valuePositions(spec, args), args) : spec.valuesIn(args);

/** A command that may look at any number of values: they are counted before it runs. */
export const needsSeveralValues = ({ keys, values = keys, valuesIn }: CommandSpec): boolean =>
  valuesIn !== undefined || (typeof values !== "function" && values.last < 0);

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
  const last = lastKey(spec.keys, args.length);
  for (let at = spec.keys.first - 1 + spec.keys.step; at <= last; at += spec.keys.step) {
    const key = args[at] as Uint8Array;
    if (key.length > KEY_BYTES_MAX) return keyTooLong(key.length);
    const other = toSlot(keySlot(key));
    if (other !== slot) return crossSlot(first, slot, key, other);
  }
  return slot;
}
