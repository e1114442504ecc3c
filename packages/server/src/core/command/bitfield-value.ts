/** Integers of 1 to 64 bits anywhere in a string, the highest bit first. What lies behind the string is zeros. */
export interface FieldType {
  readonly signed: boolean;
  readonly bits: number;
}

export type Overflow = "wrap" | "sat" | "fail";

/** The bytes that hold bits `offset` to `offset + bits - 1`, as one number, and how far the field stands from its end. */
function windowOf(
  bytes: Uint8Array,
  offset: number,
  bits: number,
): { first: number; last: number; value: bigint; shift: bigint } {
  const first = offset >> 3;
  const last = (offset + bits - 1) >> 3;
  let value = 0n;
  for (let at = first; at <= last; at += 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
  return { first, last, value, shift: BigInt(last * 8 + 7 - (offset + bits - 1)) };
}

export function readField(bytes: Uint8Array, offset: number, { signed, bits }: FieldType): bigint {
  const { value, shift } = windowOf(bytes, offset, bits);
  return signed ? BigInt.asIntN(bits, value >> shift) : BigInt.asUintN(bits, value >> shift);
}

/** `bytes` is long enough. */
export function writeField(bytes: Uint8Array, offset: number, bits: number, field: bigint): void {
  const { first, last, value, shift } = windowOf(bytes, offset, bits);
  const mask = ((1n << BigInt(bits)) - 1n) << shift;
  let rest = (value & ~mask) | (BigInt.asUintN(bits, field) << shift);
  for (let at = last; at >= first; at -= 1) {
    bytes[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

/** `value` if the type holds it, else what the mode makes of it; undefined: it fails. */
export function fit(value: bigint, { signed, bits }: FieldType, overflow: Overflow): bigint | undefined {
  const width = BigInt(signed ? bits - 1 : bits);
  const max = (1n << width) - 1n;
  const min = signed ? -max - 1n : 0n;
  if (value >= min && value <= max) return value;
  if (overflow === "fail") return undefined;
  if (overflow === "sat") return value > max ? max : min;
  return signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}
