import { NOT_AN_INTEGER } from "./errors.ts";
import { EX, EXAT, type ExpireForm, expireMoment, invalidExpireTime, PX, PXAT } from "./expire-time.ts";
import { parseInt64 } from "./integer-text.ts";
import type { Reply } from "./types.ts";
import { word } from "./words.ts";

/** Options of SET and GETEX. */
export interface StringOptions {
  /** SET: only if the key does not exist. */
  nx: boolean;
  /** SET: only if the key exists. */
  xx: boolean;
  /** SET: answer with the value that was there. */
  get: boolean;
  /** SET: the key ends when it would have ended. */
  keepTtl: boolean;
  /** GETEX: the key does not end. */
  persist: boolean;
  /** The key ends at `time`, given in this form; undefined: no such option. */
  form: ExpireForm | undefined;
  time: Uint8Array | undefined;
}

/** Behind SET's key and value, and behind GETEX's key. */
const FIRST = { set: 2, getex: 1 } as const;

const FORMS: Readonly<Record<string, ExpireForm>> = { ex: EX, px: PX, exat: EXAT, pxat: PXAT };

/**
 * Undefined: a syntax error. As in Redis an option may be repeated, the last time counts, and what contradicts an option
 * before it is an error.
 */
export function stringOptions(command: "set" | "getex", args: readonly Uint8Array[]): StringOptions | undefined {
  const given: StringOptions = {
    nx: false,
    xx: false,
    get: false,
    keepTtl: false,
    persist: false,
    form: undefined,
    time: undefined,
  };
  const set = command === "set";
  for (let at = FIRST[command]; at < args.length; at += 1) {
    const name = word(args[at] as Uint8Array);
    if (name === "nx" && set && !given.xx) given.nx = true;
    else if (name === "xx" && set && !given.nx) given.xx = true;
    else if (name === "get" && set) given.get = true;
    else if (name === "keepttl" && set && given.form === undefined) given.keepTtl = true;
    else if (name === "persist" && !set && given.form === undefined) given.persist = true;
    else {
      const form = Object.hasOwn(FORMS, name) ? FORMS[name] : undefined;
      if (form === undefined || given.keepTtl || given.persist || at + 1 === args.length) return undefined;
      if (given.form !== undefined && given.form !== form) return undefined;
      at += 1;
      given.form = form;
      given.time = args[at];
    }
  }
  return given;
}

/** The moment in log time that a time of `form` means, or the error that it is. Unlike EXPIRE's it must be positive. */
export function endOf(command: string, form: ExpireForm, time: Uint8Array, nowMs: number): number | Reply {
  const value = parseInt64(time);
  if (value === undefined) return NOT_AN_INTEGER;
  if (value <= 0n) return invalidExpireTime(command);
  return expireMoment(value, form, nowMs) ?? invalidExpireTime(command);
}
