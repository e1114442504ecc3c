import { type Slot, VALUE_BYTES_MAX } from "../base/index.ts";
import { type Row, type RowHead, RowKind } from "../store/index.ts";
import { err, errorReply } from "./errors.ts";
import { type CommandContext, NIL, type Reply } from "./types.ts";

/** What every command on strings needs: judging a row, answering with one, writing one. */

export const WRONG_TYPE: Reply = errorReply("WRONGTYPE", "Operation against a key holding the wrong kind of value");
const TOO_LONG: Reply = err(`string exceeds maximum allowed size (${VALUE_BYTES_MAX} bytes)`);

/** Whether a command on strings can work with it; a key that does not exist counts as an empty string. */
export const isString = (row: RowHead | null): boolean => row === null || row.kind === RowKind.string;

export const bulkOf = (row: Row | null): Reply => (row === null ? NIL : { type: "bulk", bytes: row.payload });

/** The error for an argument that no row could hold. */
export function valueTooLong(value: Uint8Array): Reply | undefined {
  const { length } = value;
  return length > VALUE_BYTES_MAX
    ? err(`value is ${length} bytes long; at most ${VALUE_BYTES_MAX} are allowed`)
    : undefined;
}

/** The error for a value that would grow to so many bytes. */
export const growsTooLong = (bytes: number): Reply | undefined => (bytes > VALUE_BYTES_MAX ? TOO_LONG : undefined);

/** `expiresAtMs` in log time; 0: never. What has ended already is not written but deleted. */
export function putString(
  context: CommandContext,
  slot: Slot,
  key: string,
  payload: Uint8Array,
  expiresAtMs: number,
): void {
  if (expiresAtMs !== 0 && expiresAtMs <= context.nowMs) context.delete(slot, key);
  else context.put(slot, key, { kind: RowKind.string, expiresAtMs, version: context.version, payload });
}
