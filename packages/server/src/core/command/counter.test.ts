import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1Bytes } from "../base/index.ts";
import { addDecimals, type Decimal, decimalText, parseDecimal } from "./decimal.ts";
import { NOT_RESIDENT } from "./index.ts";
import { parseInt64, parseShortInteger } from "./integer-text.ts";
import { Rows } from "./testing/rows.ts";

const NOW_MS = 1_700_000_000_000;
const NOT_AN_INTEGER = "(error) ERR value is not an integer or out of range";
const NOT_A_FLOAT = "(error) ERR value is not a valid float";
const NOT_FINITE = "(error) ERR increment would produce NaN or Infinity";

function expectAll(table: readonly (readonly [string, string])[]): void {
  const rows = new Rows();
  rows.nowMs = NOW_MS;
  for (const [line, answer] of table) expect(rows.ask(line), line).toBe(answer);
}

test("counters are exact in all their 64 bits, and end when they would have ended", () => {
  expectAll([
    ["incr n", "1"],
    ["pexpire n 50", "1"],
    ["decrby n 3", "-2"],
    ["pttl n", "50"],
    ["incrby n 999999999999999", "999999999999997"],
    ["incrby n 9000000000000000", "9999999999999997"],
    ["incr n", "9999999999999998"],
    ["incrby n 9213372036854775809", "9223372036854775807"],
    ["incr n", "(error) ERR increment or decrement would overflow"],
    ["get n", '"9223372036854775807"'],
    ["incrby n -9223372036854775808", "-1"],
    ["incrby n -9223372036854775808", "(error) ERR increment or decrement would overflow"],
    ["decrby n -9223372036854775808", "(error) ERR decrement would overflow"],
    ["incrby n 9223372036854775808", NOT_AN_INTEGER],
    ["decrby n 1.0", NOT_AN_INTEGER],
    ["set n 007", "OK"],
    ["incr n", NOT_AN_INTEGER],
    ["set n 5", "OK"],
    ["decrby n 5", "0"],
    ["get n", '"0"'],
  ]);
});

test("fractions are summed exactly", () => {
  expectAll([
    ["set f 0.1", "OK"],
    ["pexpire f 50", "1"],
    ["incrbyfloat f 0.2", '"0.3"'],
    ["pttl f", "50"],
    ["incrbyfloat f -0.3", '"0"'],
    ["incrbyfloat f 5.0e3", '"5000"'],
    // Redis, with 64 bits of mantissa, says 5000.10000000000000009.
    ["incrbyfloat f 0.1", '"5000.1"'],
    ["set f 123456789012345678901234567890", "OK"],
    ["incrbyfloat f 0.00000000000000001", '"123456789012345678901234567890.00000000000000001"'],
    ["set f 1e-18", "OK"],
    ["incrbyfloat f 0", '"0"'],
    ["set f -1", "OK"],
    ["incrbyfloat f 0.4", '"-0.6"'],
  ]);
});

test("what is no finite fraction is refused", () => {
  const huge = `1${"0".repeat(307)}`;
  expectAll([
    ["set f x", "OK"],
    ["incrbyfloat f 1", NOT_A_FLOAT],
    ["incrbyfloat f nan", NOT_A_FLOAT],
    ["set f 1", "OK"],
    ["incrbyfloat f inf", NOT_FINITE],
    ["set f -inf", "OK"],
    ["incrbyfloat f 1", NOT_FINITE],
    ["incrbyfloat f 1e308", NOT_A_FLOAT],
    ["incrbyfloat f 1e99999999999999999999", NOT_A_FLOAT],
    ["set f 0e99999999999999999999", "OK"],
    ["incrbyfloat f 1e-99999999999999999999", '"0"'],
    ["incrbyfloat f 1e307", `"${huge}"`],
    ["incrbyfloat f 9e307", NOT_FINITE],
    ["get f", `"${huge}"`],
    [`incrbyfloat f ${"0".repeat(513)}`, NOT_A_FLOAT],
  ]);
});

test("the sum of two fractions is that of whole numbers of their last digit", () => {
  const units = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
  const text = (value: bigint): string => decimalText({ units: value, scale: 17 }) as string;
  const parsed = (value: string): Decimal => parseDecimal(latin1Bytes(value)) as Decimal;
  fc.assert(
    fc.property(units, units, (left, right) => {
      const sum = addDecimals(parsed(text(left)), parsed(text(right)));
      expect(decimalText(sum)).toBe(text(left + right));
    }),
  );
});

test("half of the seventeenth digit goes to the even one", () => {
  const shown = (text: string): string | undefined => decimalText(parseDecimal(latin1Bytes(text)) as Decimal);
  expect(shown("0.000000000000000005")).toBe("0");
  expect(shown("0.000000000000000015")).toBe("0.00000000000000002");
  expect(shown("-0.000000000000000015")).toBe("-0.00000000000000002");
  expect(shown("0.0000000000000000251")).toBe("0.00000000000000003");
  expect(shown("-0.000000000000000005")).toBe("0");
  expect(shown("9.999999999999999999")).toBe("10");
});

test("a whole number is read as it would be written, and not otherwise", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.bigInt().map(String), fc.string({ unit: fc.constantFrom("-", "+", "0", "1", " ", "9", ".") })),
      (text) => {
        const whole =
          /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text) && String(BigInt(text)) === text;
        expect(parseInt64(latin1Bytes(text))).toBe(whole ? BigInt(text) : undefined);
        const short = whole && text.replace("-", "").length <= 15;
        expect(parseShortInteger(latin1Bytes(text))).toBe(short ? Number(text) : Number.NaN);
      },
    ),
  );
});

test("a command that misses a row has no effect", () => {
  for (const line of ["incr n", "decr n", "incrby n 2", "decrby n 2", "incrbyfloat n 2"]) {
    const rows = new Rows();
    rows.absent.add("n");
    const [name, ...args] = line.split(" ");
    expect(rows.run(name as string, ...args), line).toBe(NOT_RESIDENT);
    expect(rows.rows.size, line).toBe(0);
  }
});
