import {
  CHEAP_READ_ARGS_MAX,
  SherdError,
  type Slot,
  TRANSACTION_WORK_MAX,
  WORK_PER_ARGUMENT_BYTES,
} from "../base/index.ts";
import { valuesOf } from "./admit.ts";
import { err } from "./errors.ts";
import type { CommandContext, CommandSpec, Reply } from "./types.ts";

/**
 * What running a command costs, in bytes looked at or copied: a measure of time that is the same on every replica, because
 * it comes from lengths, and they are state. What is in memory or how fast a machine is must not decide what a write does.
 */

/** `CommandSpec.work` of those that answer with a part of a value, or a view of it, and so do not walk over it. */
export const NO_WORK = (): number => 0;

export const TOO_MUCH_WORK: Reply = err(
  new SherdError(
    "SHERD_TRANSACTION_TOO_COSTLY",
    `This transaction's commands look at or copy more than ${TRANSACTION_WORK_MAX} bytes together, repeats counted.`,
  ).message,
);

/** False: it costs little, whatever the state is. Asked for every read, so it looks at nothing but the spec. */
export const mayCostMuch = ({ work, values }: CommandSpec, args: number): boolean =>
  args >= CHEAP_READ_ARGS_MAX || (work !== NO_WORK && (typeof values !== "object" || values.first !== 0));

/** Of a command over values of these lengths, those of `valuesOf` in order. */
export function workWith(spec: CommandSpec, args: readonly Uint8Array[], lengths: readonly number[]): number {
  const bytes = workOfArguments(spec, args);
  if (spec.work !== undefined) return bytes + spec.work(lengths);
  let looked = 0;
  for (const length of lengths) looked += length;
  // A value is never changed in place: who writes makes another one.
  return bytes + (spec.flags.includes("write") ? 2 * looked : looked);
}

/** The most that `workWith` says for values of up to these lengths. */
export const workAtMost = (spec: CommandSpec, args: readonly Uint8Array[], lengths: readonly number[]): number =>
  spec.workAtMost === undefined
    ? workWith(spec, args, lengths)
    : workOfArguments(spec, args) + spec.workAtMost(lengths);

function workOfArguments({ growth }: CommandSpec, args: readonly Uint8Array[]): number {
  let bytes = args.length * WORK_PER_ARGUMENT_BYTES;
  for (const arg of args) bytes += arg.length;
  return growth === undefined ? bytes : bytes + growth(args);
}

/** Of a command that runs next, in a state. Undefined: a head is not in memory. */
export function workOf(
  context: CommandContext,
  slot: Slot,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): number | undefined {
  if (spec.workIn !== undefined) return spec.workIn(context, slot, args);
  const lengths: number[] = [];
  if (spec.work !== NO_WORK) {
    for (const key of valuesOf(spec, args)) {
      const length = context.lengthOf(slot, context.latin1(key));
      if (length === undefined) return undefined;
      lengths.push(length);
    }
  }
  return workWith(spec, args, lengths);
}
