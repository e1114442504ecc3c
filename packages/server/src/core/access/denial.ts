import { CHANNEL_BYTES_MAX, KEY_BYTES_MAX, latin1 } from "../base/index.ts";
import { arityFits, type CommandSpec, channelsOf, detailsOf, keysOf } from "../command/index.ts";
import { commandsOf } from "./known-commands.ts";
import type { User } from "./user.ts";

/** What a user may not do. */
export interface Denial {
  readonly reason: "command" | "key" | "channel";
  /** The command, key or channel; latin1. Of a name that is longer than any may be, the beginning. */
  readonly object: string;
}

/** Everybody may, before and after authentication. */
export const isAlwaysAllowed = (spec: CommandSpec): boolean => spec.flags.includes("no_auth");

/**
 * Why the user may not run the command. `spec` is the subcommand's where there is one; `args` are as the client sent them,
 * without the first name. What is not well-formed is let through: it is answered with its own error and never runs.
 */
export function denialOf(user: User, spec: CommandSpec, args: readonly Uint8Array[]): Denial | undefined {
  if (!user.commands.has(spec) && !isAlwaysAllowed(spec)) return { reason: "command", object: spec.name };
  if (!arityFits(spec, args.length)) return undefined;
  if (user.keys !== undefined) {
    const key = deniedKey(user.keys, spec, args);
    if (key !== undefined) return { reason: "key", object: key };
  }
  if (user.channels !== undefined) {
    const channel = deniedChannel(user.channels, spec, args);
    if (channel !== undefined) return { reason: "channel", object: channel };
  }
  return undefined;
}

function deniedKey(
  patterns: NonNullable<User["keys"]>,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): string | undefined {
  if (spec.keysIn !== undefined) {
    // Where the keys are is known only of what `check` accepts.
    if (spec.check?.(args) !== undefined) return undefined;
  } else if (spec.keys.first === 0) {
    return undefined;
  }
  const keys = keysOf(spec, args);
  for (let at = 0; at < keys.length; at += 1) {
    const key = keys[at] as Uint8Array;
    // No key is that long. To compare megabytes with patterns would hold up the node, to log them would fill its memory.
    if (key.length > KEY_BYTES_MAX) return latin1(key.subarray(0, KEY_BYTES_MAX));
    const name = latin1(key);
    if (!mayUse(patterns, name, useOf(spec, args, at))) return name;
  }
  return undefined;
}

function mayUse(patterns: NonNullable<User["keys"]>, key: string, use: Use): boolean {
  for (const { glob, read, write } of patterns) {
    if ((read || !use.read) && (write || !use.write) && glob.matches(key)) return true;
  }
  return false;
}

/** What a command does to the value of a key. */
interface Use {
  readonly read: boolean;
  readonly write: boolean;
  /** An option decides. */
  readonly varies: boolean;
}

const WRITES: Use = { read: false, write: true, varies: false };
const READS_AND_WRITES: Use = { read: true, write: true, varies: false };
const READS: Use = { read: true, write: false, varies: false };

/** By the table, for each key; the last for all that follow. Read once: this is asked for every command of such a user. */
const usesOf: ReadonlyMap<CommandSpec, readonly Use[]> = new Map(
  (commandsOf("@all") ?? []).map((spec) => [
    spec,
    (detailsOf(spec)?.keyUses ?? []).map((flags) => ({
      read: flags.includes("access"),
      write: /update|insert|delete/.test(flags),
      varies: flags.includes("variable_flags"),
    })),
  ]),
);

const word = (arg: Uint8Array): string => (arg.length <= OPTION_BYTES_MAX ? latin1(arg).toLowerCase() : "");
const OPTION_BYTES_MAX = 8;

/** The use of the key number `at`. */
function useOf(spec: CommandSpec, args: readonly Uint8Array[], at: number): Use {
  const uses = usesOf.get(spec) ?? [];
  const use = uses[Math.min(at, uses.length - 1)] ?? READS_AND_WRITES;
  if (!use.varies) return use;
  if (spec.name === "set") return args.length > 2 && says(args, 2, "get") ? READS_AND_WRITES : WRITES;
  if (spec.name === "bitfield") return says(args, 1, "set") || says(args, 1, "incrby") ? READS_AND_WRITES : READS;
  return READS_AND_WRITES;
}

const says = (args: readonly Uint8Array[], from: number, option: string): boolean =>
  args.slice(from).some((arg) => word(arg) === option);

/** A pattern must be allowed as it is written. */
function deniedChannel(
  allowed: NonNullable<User["channels"]>,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): string | undefined {
  const use = spec.channels?.use;
  if (use === undefined || use === "unsubscribe") return undefined;
  for (const bytes of channelsOf(spec, args)) {
    if (bytes.length > CHANNEL_BYTES_MAX) return latin1(bytes.subarray(0, CHANNEL_BYTES_MAX));
    const channel = latin1(bytes);
    if (!allowed.some(({ text, glob }) => (use === "pattern" ? text === channel : glob.matches(channel))))
      return channel;
  }
  return undefined;
}
