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

/** As Redis: longer texts are no numbers. */
const TEXT_BYTES_MAX = 5 * 1024 - 1;
/** Digits before the point: numbers beyond are beyond Redis' range, too. */
const WHOLE_DIGITS_MAX = 4932;
/** Zeros behind the point before the first other digit. */
const LEADING_ZEROS_MAX = 4950;
const FRACTION_DIGITS_MAX = 17;

const NUMBER = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/;
const INFINITY = /^[+-]?inf(?:inity)?$/i;

/** Undefined: not a number, or beyond Redis' range. */
export function parseDecimal(bytes: Uint8Array): Decimal | "infinite" | undefined {
  if (bytes.length > TEXT_BYTES_MAX) return undefined;
  const text = latin1(bytes);
  const match = NUMBER.exec(text);
  if (match === null) return INFINITY.test(text) ? "infinite" : undefined;
  const [, sign, whole = "", behind = "", alone = "", exponent = "0"] = match;
  const fraction = behind + alone;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return { units: 0n, scale: 0 };
  const scale = fraction.length - Number(exponent);
  const wholeDigits = digits.length - scale;
  if (wholeDigits > WHOLE_DIGITS_MAX || wholeDigits < -LEADING_ZEROS_MAX) return undefined;
  const units = BigInt(digits) * (sign === "-" ? -1n : 1n);
  return scale < 0 ? { units: units * power10(-scale), scale: 0 } : { units, scale };
}

/** Undefined: beyond Redis' range. */
export function addDecimals(left: Decimal, right: Decimal): Decimal | undefined {
  const scale = Math.max(left.scale, right.scale);
  const units = left.units * power10(scale - left.scale) + right.units * power10(scale - right.scale);
  const limit = power10(WHOLE_DIGITS_MAX + scale);
  return units >= limit || units <= -limit ? undefined : { units, scale };
}

/** Without an exponent, with at most 17 digits behind the point (half to even), without zeros at the end. */
export function decimalText({ units, scale }: Decimal): string {
  const rounded = scale > FRACTION_DIGITS_MAX ? divideHalfEven(units, power10(scale - FRACTION_DIGITS_MAX)) : units;
  const places = Math.min(scale, FRACTION_DIGITS_MAX);
  const sign = rounded < 0n ? "-" : "";
  const digits = String(rounded < 0n ? -rounded : rounded).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
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
