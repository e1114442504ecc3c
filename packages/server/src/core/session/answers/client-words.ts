import { CLIENT_NAME_BYTES_MAX, latin1 } from "../../base/index.ts";
import { type ErrorReply, err } from "../../command/index.ts";

export const NAME_CHARACTERS: ErrorReply = err("Client names cannot contain spaces, newlines or special characters.");

export const word = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : latin1(bytes).toLowerCase());

/** Of a subcommand that is known, where its form is not. */
export const wrongForm = (container: string, name: string): ErrorReply =>
  err(`unknown subcommand or wrong number of arguments for '${name}'. Try ${container} HELP.`);

/** Redis' rule: printable ASCII without space, so that CLIENT LIST stays one line a client, one word a field. */
export function nameFrom(bytes: Uint8Array): string | undefined {
  if (bytes.length > CLIENT_NAME_BYTES_MAX) return undefined;
  return bytes.every((byte) => byte >= 0x21 && byte <= 0x7e) ? latin1(bytes) : undefined;
}
