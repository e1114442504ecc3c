import { COMMAND_VALUES_BYTES_MAX, SherdError, type Slot } from "../base/index.ts";
import { err } from "./errors.ts";
import type { CommandContext, Reply } from "./types.ts";

/** Instead of running the command. */
export const VALUES_TOO_LARGE: Reply = err(
  new SherdError(
    "SHERD_VALUES_TOO_LARGE",
    `The values of this command's keys are more than ${COMMAND_VALUES_BYTES_MAX} bytes together.`,
  ).message,
);

/**
 * Whether the values of these keys are more than a command may need in memory; one that is named twice counts once. By the
 * rows' heads, so the answer is the same whatever is in memory. Undefined: a head is not.
 */
export function exceedsValues(context: CommandContext, slot: Slot, keys: readonly Uint8Array[]): boolean | undefined {
  let bytes = 0;
  for (const key of keys) {
    const row = context.head(slot, context.latin1(key));
    if (row === undefined) return undefined;
    if (row !== null) bytes += row.payload.length;
  }
  return bytes > COMMAND_VALUES_BYTES_MAX && distinctBytes(context, slot, keys) > COMMAND_VALUES_BYTES_MAX;
}

function distinctBytes(context: CommandContext, slot: Slot, keys: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const key of new Set(keys.map((each) => context.latin1(each))))
    bytes += context.head(slot, key)?.payload.length ?? 0;
  return bytes;
}
