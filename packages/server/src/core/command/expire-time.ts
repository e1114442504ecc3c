import { err } from "./errors.ts";
import type { Reply } from "./types.ts";

/** Milliseconds that a row can hold: beyond, a double would round. About 285,000 years. */
const EXPIRES_AT_MS_MAX: bigint = BigInt(Number.MAX_SAFE_INTEGER);
const INT64_MIN: bigint = -(2n ** 63n);
const INT64_MAX: bigint = 2n ** 63n - 1n;
/** `-9223372036854775808` */
const INT64_TEXT_BYTES_MAX = 20;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;

/** A whole number as Redis reads one: no plus sign, no space, no leading zero, within 64 bits; else undefined. */
export function parseInt64(text: Uint8Array): bigint | undefined {
  const negative = text[0] === MINUS;
  const from = negative ? 1 : 0;
  const digits = text.length - from;
  if (digits < 1 || text.length > INT64_TEXT_BYTES_MAX) return undefined;
  if (text[from] === DIGIT_0 && (digits > 1 || negative)) return undefined;
  let value = 0n;
  for (let at = from; at < text.length; at += 1) {
    const digit = (text[at] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10n + BigInt(digit);
  }
  if (negative) value = -value;
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}

/** How a command gives a time: in which unit, and whether it counts from now or is a date. */
export interface ExpireForm {
  readonly unitMs: 1 | 1000;
  readonly relative: boolean;
}

export const EX: ExpireForm = { unitMs: 1000, relative: true };
export const PX: ExpireForm = { unitMs: 1, relative: true };
export const EXAT: ExpireForm = { unitMs: 1000, relative: false };
export const PXAT: ExpireForm = { unitMs: 1, relative: false };

export const invalidExpireTime = (command: string): Reply => err(`invalid expire time in '${command}' command`);

/**
 * The moment in log time (ms) that `value` means; undefined when it is beyond what a row can hold. `nowMs` is log time,
 * never a clock: every replica must come to the same moment. It may lie in the past, also before 1970.
 */
export function expireMoment(value: bigint, form: ExpireForm, nowMs: number): number | undefined {
  const moment = value * BigInt(form.unitMs) + (form.relative ? BigInt(nowMs) : 0n);
  return moment > EXPIRES_AT_MS_MAX || moment < -EXPIRES_AT_MS_MAX ? undefined : Number(moment);
}
