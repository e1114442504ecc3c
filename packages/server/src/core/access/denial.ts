import { latin1 } from "../base/index.ts";
import { arityFits, type CommandSpec, channelsOf, detailsOf, keysOf } from "../command/index.ts";
import type { User } from "./user.ts";

/** What a user may not do. */
export interface Denial {
  readonly reason: "command" | "key" | "channel";
  /** The command, key or channel; latin1. */
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
  if (spec.keys.first === 0 && spec.keysIn === undefined) return undefined;
  // Where the keys are is known only of what `check` accepts.
  if (spec.check?.(args) !== undefined) return undefined;
  const keys = keysOf(spec, args);
  for (const [at, bytes] of keys.entries()) {
    const key = latin1(bytes);
    const use = useOf(spec, args, at);
    const allowed = patterns.some(
      ({ glob, read, write }) => (read || !use.read) && (write || !use.write) && glob.matches(key),
    );
    if (!allowed) return key;
  }
  return undefined;
}

interface Use {
  readonly read: boolean;
  readonly write: boolean;
}

const word = (arg: Uint8Array): string => (arg.length <= 8 ? latin1(arg).toLowerCase() : "");

/** Whether the command reads the value of its key number `at`, or changes it: by the table, and by options that decide. */
function useOf(spec: CommandSpec, args: readonly Uint8Array[], at: number): Use {
  const uses = detailsOf(spec)?.keyUses ?? [];
  const flags = uses[Math.min(at, uses.length - 1)] ?? "RW access update";
  const use = { read: flags.includes("access"), write: /update|insert|delete/.test(flags) };
  if (!flags.includes("variable_flags")) return use;
  if (spec.name === "set") return { read: args.slice(2).some((arg) => word(arg) === "get"), write: true };
  if (spec.name === "bitfield") {
    return { read: true, write: args.slice(1).some((arg) => word(arg) === "set" || word(arg) === "incrby") };
  }
  return use;
}

/** A pattern must be allowed as it is written. */
function deniedChannel(
  allowed: NonNullable<User["channels"]>,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): string | undefined {
  const use = spec.channels?.use;
  if (use === undefined || use === "unsubscribe") return undefined;
  for (const bytes of channelsOf(spec, args)) {
    const channel = latin1(bytes);
    if (!allowed.some(({ text, glob }) => (use === "pattern" ? text === channel : glob.matches(channel))))
      return channel;
  }
  return undefined;
}
