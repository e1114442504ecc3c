import { latin1, utf8Bytes } from "../base/index.ts";
import type { CommandSpec } from "../command/index.ts";

const REDACTED = utf8Bytes("(redacted)");
/** Settings of Redis that hold a secret, also those that are not there: a script may send one all the same. */
const SECRET_SETTINGS = /^(requirepass|masterauth|masteruser|tls-key-file-pass|tls-client-key-file-pass)$/i;

/**
 * A command as people are shown it: its name and arguments, without passwords. `args` are those behind the name; of a
 * container's subcommand, those behind the subcommand's name.
 */
export function shownCommand(spec: CommandSpec, args: readonly Uint8Array[]): Uint8Array[] {
  const [name, ...rest] = spec.name.split("|");
  const names = [utf8Bytes(name as string), ...(spec.opcode === 0 ? rest.map((word) => utf8Bytes(word)) : [])];
  switch (spec.name) {
    case "auth":
    case "acl|setuser":
      return [...names, ...args.map(() => REDACTED)];
    case "exec":
      // What it is on the shard: all that was queued, in our own encoding.
      return names;
    case "hello":
      return [...names, ...args.map((arg, at) => (isHelloSecret(args, at) ? REDACTED : arg))];
    case "config|set":
      return [...names, ...args.map((arg, at) => (isSecretValue(args, at) ? REDACTED : arg))];
    default:
      return [...names, ...args];
  }
}

const word = (bytes: Uint8Array | undefined): string => (bytes === undefined ? "" : latin1(bytes).toLowerCase());
/** `HELLO 3 AUTH user password`: the two behind AUTH. */
const isHelloSecret = (args: readonly Uint8Array[], at: number): boolean =>
  word(args[at - 1]) === "auth" || word(args[at - 2]) === "auth";
const isSecretValue = (args: readonly Uint8Array[], at: number): boolean =>
  at % 2 === 1 && SECRET_SETTINGS.test(word(args[at - 1]));
