import { Glob } from "../base/index.ts";
import type { CommandSpec } from "../command/index.ts";
import { Rules } from "./rules.ts";

/** A user as it is kept. Both are latin1 of their bytes: names and patterns may be any bytes. */
export interface StoredUser {
  readonly name: string;
  /** `on #<sha256> ~app:* &* -@all +get`: what ACL LIST shows behind the name. */
  readonly rules: string;
}

/** Keys that a user may use. */
interface KeyPattern {
  readonly glob: Glob;
  readonly read: boolean;
  readonly write: boolean;
}

interface ChannelPattern {
  readonly text: string;
  readonly glob: Glob;
}

/** What a user may do. Never changes. */
export interface User {
  readonly name: string;
  readonly rules: string;
  /** Everything may be done: no command needs a closer look. */
  readonly unrestricted: boolean;
  readonly enabled: boolean;
  /** Any password, or none, will do. */
  readonly nopass: boolean;
  /** SHA-256, hex. */
  readonly passwords: readonly string[];
  readonly commands: ReadonlySet<CommandSpec>;
  /** Undefined: all keys. */
  readonly keys: readonly KeyPattern[] | undefined;
  /** Undefined: all channels. */
  readonly channels: readonly ChannelPattern[] | undefined;
}

/** The user of connections that have not said who they are. There always is one. */
export const DEFAULT_USER = "default";
/** ... and what it may do until somebody says otherwise, as in Redis. */
export const DEFAULT_USER_RULES = "on nopass ~* &* +@all";

/** A user of whom nothing can be understood may do nothing. */
const UNREADABLE_RULES = "off resetchannels -@all";

/** Rules that this version cannot read (another version wrote them) disable the user. */
export function readUser({ name, rules }: StoredUser): User {
  const read = Rules.read(rules) ?? (Rules.read(UNREADABLE_RULES) as Rules);
  return {
    name,
    rules,
    unrestricted: read.enabled && read.grantsEverything,
    enabled: read.enabled,
    nopass: read.nopass,
    passwords: read.passwords,
    commands: read.commands(),
    keys: read.allKeys ? undefined : read.keys.map(({ text, ...may }) => ({ ...may, glob: new Glob(text) })),
    channels: read.allChannels ? undefined : read.channels.map((text) => ({ text, glob: new Glob(text) })),
  };
}

/**
 * The rules after ACL SETUSER, in one spelling for one meaning; `rules` undefined: of a new user. Or what is wrong with
 * which modifier, in Redis' words. Passwords are hashed already (`hidePassword`).
 */
export function changeRules(
  rules: string | undefined,
  modifiers: readonly string[],
): { readonly rules: string } | { readonly problem: string; readonly at: number } {
  // Rules that cannot be read are not built upon: what they withheld would be lost.
  const changed = rules === undefined ? new Rules() : Rules.read(rules);
  if (changed === undefined)
    return { problem: "The user's rules were written by another version: remove the user first", at: 0 };
  for (const [at, modifier] of modifiers.entries()) {
    const problem = changed.apply(modifier);
    if (problem !== undefined) return { problem, at };
  }
  return { rules: changed.toString() };
}

/** ACL GETUSER. */
export function describeUser({ rules }: StoredUser): ReturnType<Rules["describe"]> {
  return (Rules.read(rules) ?? (Rules.read(UNREADABLE_RULES) as Rules)).describe();
}

/** A line of ACL LIST, and of an ACL file. */
export const userLine = ({ name, rules }: StoredUser): string => `user ${name} ${rules}`;

/** Nobody can do anything without a password. `list` may lack the default user: then anybody can do everything. */
export function hasPasswords(list: readonly StoredUser[]): boolean {
  if (!list.some(({ name }) => name === DEFAULT_USER)) return false;
  return list.map(readUser).every((user) => !user.enabled || !user.nopass || user.commands.size === 0);
}
