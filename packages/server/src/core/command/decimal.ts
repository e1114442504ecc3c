import { latin1 } from "../base/index.ts";

/**
 * Decimal fractions, exact: every replica must come to the same sum whatever processor it runs on, and 0.1 and 0.2 make
 * 0.3. Redis computes with 64 bits of mantissa and shows 17 digits behind the point; where it rounds, this does not.
 */
export interface Decimal {
  /** The number is units × 10^-scale. */
  readonly units: bigint;
  readonly scale: number;
}

/** Bounds what one command may cost. Redis reads ten times as much. */
const TEXT_BYTES_MAX = 512;
/** Digits before the point: the range of a double. */
const WHOLE_DIGITS_MAX = 308;
/** What has more zeros behind the point before its first other digit is zero. */
const LEADING_ZEROS_MAX = 100;
const FRACTION_DIGITS_MAX = 17;
/** The longest text that `decimalText` makes: a sign and a point, too. No integer of 64 bits is longer. */
export const NUMBER_BYTES_MAX: number = 1 + WHOLE_DIGITS_MAX + 1 + FRACTION_DIGITS_MAX;

export const ZERO: Decimal = { units: 0n, scale: 0 };
const NUMBER = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** Undefined: not a number, or beyond the range of a double. */
export function parseDecimal(bytes: Uint8Array): Decimal | "infinite" | undefined {
  if (bytes.length > TEXT_BYTES_MAX) return undefined;
  const text = latin1(bytes);
  const match = NUMBER.exec(text);
  if (match === null) return INFINITY.test(text) ? "infinite" : undefined;
  const [, sign, whole = "", behind = "", alone = "", exponent = "0"] = match;
  const fraction = behind + alone;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return ZERO;
  const scale = fraction.length - Number(exponent);
  const wholeDigits = digits.length - scale;
  if (wholeDigits > WHOLE_DIGITS_MAX) return undefined;
  if (wholeDigits < -LEADING_ZEROS_MAX) return ZERO;
  const units = BigInt(digits) * (sign === "-" ? -1n : 1n);
  return scale < 0 ? { units: units * power10(-scale), scale: 0 } : { units, scale };
}

export function addDecimals(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  const units = left.units * power10(scale - left.scale) + right.units * power10(scale - right.scale);
  return { units, scale };
}

/**
 * Without an exponent, with at most 17 digits behind the point (half to even), without zeros at the end. Undefined: beyond
 * the range of a double.
 */
export function decimalText({ units, scale }: Decimal): string | undefined {
  const rounded = scale > FRACTION_DIGITS_MAX ? divideHalfEven(units, power10(scale - FRACTION_DIGITS_MAX)) : units;
  const places = Math.min(scale, FRACTION_DIGITS_MAX);
  const sign = rounded < 0n ? "-" : "";
  const digits = String(rounded < 0n ? -rounded : rounded).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  if (whole.length > WHOLE_DIGITS_MAX) return undefined;
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
}

const power10 = (exponent: number): bigint => 10n ** BigInt(exponent);

function divideHalfEven(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  const rest = value % by;
  const twice = rest < 0n ? -rest * 2n : rest * 2n;
  const up = twice > by || (twice === by && quotient % 2n !== 0n);
  if (!up) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}
