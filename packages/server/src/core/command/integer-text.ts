import { latin1 } from "../base/index.ts";

const MINUS = 0x2d;
const DIGIT_0 = 0x30;
/** So many digits never exceed what a double holds exactly. */
const SHORT_DIGITS_MAX = 15;
/** `-9223372036854775808` */
const INT64_TEXT_BYTES_MAX = 20;
export const INT64_MIN: bigint = -(2n ** 63n);
const INT64_MAX: bigint = 2n ** 63n - 1n;

/** Whether the text is digits behind at most a minus, without a leading zero: how Redis reads whole numbers. */
function isWhole(text: Uint8Array): boolean {
  const from = text[0] === MINUS ? 1 : 0;
  const digits = text.length - from;
  if (digits < 1 || (text[from] === DIGIT_0 && text.length > 1)) return false;
  for (let at = from; at < text.length; at += 1) {
    const digit = (text[at] as number) - DIGIT_0;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

/**
 * A whole number of up to 15 digits; NaN for anything else, also for a longer number, which `parseInt64` reads.
 * Counters take this way, without a BigInt.
 */
export function parseShortInteger(text: Uint8Array): number {
  const from = text[0] === MINUS ? 1 : 0;
  if (text.length - from > SHORT_DIGITS_MAX || !isWhole(text)) return Number.NaN;
  let value = 0;
  for (let at = from; at < text.length; at += 1) value = value * 10 + (text[at] as number) - DIGIT_0;
  return from === 0 ? value : -value;
}

/** A whole number as Redis reads one: no plus sign, no space, no leading zero, within 64 bits; else undefined. */
export function parseInt64(text: Uint8Array): bigint | undefined {
  if (text.length > INT64_TEXT_BYTES_MAX || !isWhole(text)) return undefined;
  const value = BigInt(latin1(text));
  return isInt64(value) ? value : undefined;
}

export const isInt64 = (value: bigint): boolean => value >= INT64_MIN && value <= INT64_MAX;

/** For a reply: a number unless that would round. */
export const exact = (value: bigint): number | bigint => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};
