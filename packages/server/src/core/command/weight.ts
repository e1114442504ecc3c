import { COMMAND_VALUES_BYTES_MAX, type Slot, TRANSACTION_WORK_MAX, VALUE_BYTES_MAX } from "../base/index.ts";
import { lastKey, valuePositions, valuesOf } from "./admit.ts";
import type { CommandIn, CommandSpec } from "./types.ts";
import { workAtMost } from "./work.ts";

/** Of values in a state that is not there yet: the one in which a write that waits will be applied. */
export interface LengthsAhead {
  /** The value of this key is certainly not longer then. */
  longest(slot: Slot, key: Uint8Array): number;
  /** The write may give keys of this slot what others have: values of up to so many bytes. */
  moves(slot: Slot, bytes: number): void;
}

/**
 * What applying a write may cost every replica, never less than it does cost: bytes of values that it brings into memory
 * and makes, beyond its arguments and its `growth`. Of a transaction also all that its commands look at or copy
 * (`workWith`), which may be much more; any other command does at most twice its weight, because it copies a value once.
 */
export function weightOf(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], lengths: LengthsAhead): number {
  if (spec.commandsIn !== undefined) return weightOfTransaction(spec.commandsIn(args), slot, args, lengths);
  const values = valuePositions(spec, args);
  if (values.first === 0) return 0;
  let looked = 0;
  let largest = 0;
  for (let at = values.first - 1, last = lastKey(values, args.length); at <= last; at += values.step) {
    const length = lengths.longest(slot, args[at] as Uint8Array);
    looked += length;
    if (length > largest) largest = length;
  }
  looked = Math.min(COMMAND_VALUES_BYTES_MAX, looked);
  if (!movesValues(spec, args)) return looked;
  lengths.moves(slot, largest);
  return looked + largest;
}

/** Whether a key may get what another one has (COPY, RENAME, BITOP): it looks at values and has a second key. */
function movesValues(spec: CommandSpec, args: readonly Uint8Array[]): boolean {
  const { keys, flags } = spec;
  return lastKey(keys, args.length) >= keys.first && valuePositions(spec, args).first !== 0 && flags.includes("write");
}

function weightOfTransaction(
  commands: readonly CommandIn[],
  slot: Slot,
  args: readonly Uint8Array[],
  lengths: LengthsAhead,
): number {
  let looked = 0;
  let largest = 0;
  let moves = false;
  // All of its arguments, and what its commands ask for beyond them: no value of it grows by more.
  let growth = (args[0] as Uint8Array).length;
  const before = commands.map((command) =>
    valuesOf(command.spec, command.args).map((key) => {
      const length = lengths.longest(slot, key);
      looked += length;
      if (length > largest) largest = length;
      return length;
    }),
  );
  for (const command of commands) {
    if (command.spec.growth !== undefined) growth += command.spec.growth(command.args);
    moves ||= movesValues(command.spec, command.args);
  }
  const within = (length: number): number => Math.min(VALUE_BYTES_MAX, (moves ? largest : length) + growth);
  let work = 0;
  for (const [at, { spec, args: own }] of commands.entries()) {
    work += workAtMost(spec, own, (before[at] as number[]).map(within));
  }
  if (moves) lengths.moves(slot, within(largest));
  return Math.min(COMMAND_VALUES_BYTES_MAX, looked) + Math.min(TRANSACTION_WORK_MAX, work);
}
