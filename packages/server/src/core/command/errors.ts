import { KEY_BYTES_MAX, latin1, type Slot, utf8 } from "../base/index.ts";
import type { Reply } from "./types.ts";

export type ErrorReply = Extract<Reply, { readonly type: "error" }>;

/** An error is one line: what a client sent and we quote must not end it early. */
const oneLine = (text: string): string => text.replace(/[\r\n]/g, " ");

/** Texts that clients and their users' code compare are Redis' to the letter; the rest says what to do. */
export const errorReply = (kind: string, text: string): ErrorReply => ({ type: "error", kind, text: oneLine(text) });
export const err = (text: string): ErrorReply => errorReply("ERR", text);

export const SYNTAX_ERROR: Reply = err("syntax error");
export const NOT_AN_INTEGER: Reply = err("value is not an integer or out of range");
/** No shard has the slot: the map is being changed, or this node has just started. */
export const SLOT_NOT_SERVED: Reply = errorReply("CLUSTERDOWN", "Hash slot not served");

/** Of what a client sent; an argument has up to 8 MiB. */
const QUOTED_BYTES_MAX = 128;

export const quoted = (bytes: Uint8Array, bytesMax: number = QUOTED_BYTES_MAX): string =>
  utf8(bytes.subarray(0, bytesMax));

export function unknownCommand(name: Uint8Array, args: readonly Uint8Array[]): ErrorReply {
  let shown = "";
  for (const arg of args) {
    if (shown.length >= QUOTED_BYTES_MAX) break;
    shown += `'${quoted(arg, QUOTED_BYTES_MAX - shown.length)}' `;
  }
  return err(`unknown command '${quoted(name)}', with args beginning with: ${shown}`);
}

export const unknownSubcommand = (container: string, name: Uint8Array): ErrorReply =>
  err(`unknown subcommand '${quoted(name)}'. Try ${container.toUpperCase()} HELP.`);

export const wrongArity = (command: string): ErrorReply => err(`wrong number of arguments for '${command}' command`);

export const keyTooLong = (keyBytes: number): Reply =>
  err(`key is ${keyBytes} bytes long; at most ${KEY_BYTES_MAX} are allowed`);

/** Enough to see which keys are meant, short enough for a log line. */
const KEY_SHOWN_BYTES_MAX = 64;

function shownKey(key: Uint8Array): string {
  const text = latin1(key.subarray(0, KEY_SHOWN_BYTES_MAX)).replace(
    /[^\x20-\x7e]|["\\]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return key.length > KEY_SHOWN_BYTES_MAX ? `"${text}..."` : `"${text}"`;
}

export const crossSlot = (first: Uint8Array, firstSlot: Slot, other: Uint8Array, otherSlot: Slot): Reply =>
  errorReply(
    "CROSSSLOT",
    `Keys in request don't hash to the same slot: ${shownKey(first)} is in slot ${firstSlot}, ${shownKey(other)} in slot ` +
      `${otherSlot}. Send them one by one, or give them the same {hash tag}.`,
  );
