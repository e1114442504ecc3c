import type { Slot } from "../base/index.ts";
import { err, NOT_AN_INTEGER, quoted } from "./errors.ts";
import { EX, EXAT, type ExpireForm, expireMoment, invalidExpireTime, PX, PXAT } from "./expire-time.ts";
import { parseInt64 } from "./integer-text.ts";
import { CHANGES } from "./tips.ts";
import {
  type CommandContext,
  type CommandSpec,
  NO_KEYS,
  NOT_RESIDENT,
  ONE,
  ONE_KEY,
  type Reply,
  ZERO,
} from "./types.ts";
import { word } from "./words.ts";

/** What TTL and its kin say of a key that does not exist, and of one that never expires. */
const NO_KEY: Reply = { type: "integer", value: -2 };
const NO_EXPIRY: Reply = { type: "integer", value: -1 };

/** When a new expiry replaces the old one. */
interface Conditions {
  nx: boolean;
  xx: boolean;
  gt: boolean;
  lt: boolean;
}

/** The options behind the time, or the error that they are. */
function conditionsOf(args: readonly Uint8Array[]): Conditions | Reply {
  const given: Conditions = { nx: false, xx: false, gt: false, lt: false };
  for (let at = 2; at < args.length; at += 1) {
    const option = args[at] as Uint8Array;
    const name = word(option);
    if (name !== "nx" && name !== "xx" && name !== "gt" && name !== "lt") {
      return err(`Unsupported option ${quoted(option)}`);
    }
    given[name] = true;
  }
  if (given.nx && (given.xx || given.gt || given.lt)) {
    return err("NX and XX, GT or LT options at the same time are not compatible");
  }
  if (given.gt && given.lt) return err("GT and LT options at the same time are not compatible");
  return given;
}

/** A key without expiry counts as one that expires last. */
function holds({ nx, xx, gt, lt }: Conditions, beforeMs: number, afterMs: number): boolean {
  if (nx && beforeMs !== 0) return false;
  if (xx && beforeMs === 0) return false;
  if (gt && (beforeMs === 0 || afterMs <= beforeMs)) return false;
  return !(lt && beforeMs !== 0 && afterMs >= beforeMs);
}

function expire(
  name: string,
  form: ExpireForm,
  context: CommandContext,
  slot: Slot,
  args: readonly Uint8Array[],
): Reply | typeof NOT_RESIDENT {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  const conditions = conditionsOf(args);
  if ("type" in conditions) return conditions;
  const value = parseInt64(args[1] as Uint8Array);
  if (value === undefined) return NOT_AN_INTEGER;
  const momentMs = expireMoment(value, form, context.nowMs);
  if (momentMs === undefined) return invalidExpireTime(name);
  if (row === null || !holds(conditions, row.expiresAtMs, momentMs)) return ZERO;
  if (momentMs <= context.nowMs) context.delete(slot, key);
  else context.put(slot, key, { ...row, expiresAtMs: momentMs, version: context.version });
  return ONE;
}

function expireCommand(name: string, opcode: number, form: ExpireForm, since: string, summary: string): CommandSpec {
  return {
    name,
    opcode,
    arity: -3,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    since,
    group: "generic",
    summary,
    check(args) {
      const conditions = conditionsOf(args);
      if ("type" in conditions) return conditions;
      const value = parseInt64(args[1] as Uint8Array);
      if (value === undefined) return NOT_AN_INTEGER;
      return expireMoment(value, form, 0) === undefined ? invalidExpireTime(name) : undefined;
    },
    run: (context, slot, args) => expire(name, form, context, slot, args),
  };
}

function timeCommand(name: string, opcode: number, form: ExpireForm, since: string, summary: string): CommandSpec {
  return {
    name,
    opcode,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    values: NO_KEYS,
    since,
    group: "generic",
    summary,
    // What is left shrinks while one looks.
    ...(form.relative && { tips: [CHANGES] }),
    run(context, slot, args) {
      const row = context.head(slot, context.latin1(args[0] as Uint8Array));
      if (row === undefined) return NOT_RESIDENT;
      if (row === null) return NO_KEY;
      if (row.expiresAtMs === 0) return NO_EXPIRY;
      const timeMs = form.relative ? row.expiresAtMs - context.nowMs : row.expiresAtMs;
      // Rounded as Redis does: a key with 10 s to live has a TTL of 10 also a moment later.
      return { type: "integer", value: Math.round(timeMs / form.unitMs) };
    },
  };
}

/** Of group "generic": when keys end. */
export const expiryCommands: readonly CommandSpec[] = [
  expireCommand("expire", 64, EX, "1.0.0", "Lets a key end in so many seconds."),
  expireCommand("pexpire", 65, PX, "2.6.0", "Lets a key end in so many milliseconds."),
  expireCommand("expireat", 66, EXAT, "1.2.0", "Lets a key end at a Unix time in seconds."),
  expireCommand("pexpireat", 67, PXAT, "2.6.0", "Lets a key end at a Unix time in milliseconds."),
  timeCommand("ttl", 68, EX, "1.0.0", "Seconds until a key ends; -1: never, -2: there is no such key."),
  timeCommand("pttl", 69, PX, "2.6.0", "Milliseconds until a key ends; -1: never, -2: there is no such key."),
  timeCommand("expiretime", 70, EXAT, "7.0.0", "The Unix time in seconds at which a key ends; -1: never."),
  timeCommand("pexpiretime", 71, PXAT, "7.0.0", "The Unix time in milliseconds at which a key ends; -1: never."),
  {
    name: "persist",
    opcode: 72,
    arity: 2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    since: "2.2.0",
    group: "generic",
    summary: "Lets a key that would have ended stay.",
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      const row = context.get(slot, key);
      if (row === undefined) return NOT_RESIDENT;
      if (row === null || row.expiresAtMs === 0) return ZERO;
      context.put(slot, key, { ...row, expiresAtMs: 0, version: context.version });
      return ONE;
    },
  },
];
