import fc from "fast-check";

/** Random commands of each group, valid and not: name and arguments, every character a byte. */
export type Command = readonly string[];
type Part = fc.Arbitrary<string | readonly string[]>;

export const KEYS = ["{k}a", "{k}b", "{k}c"] as const;

const key = fc.constantFrom(...KEYS);
const integer = fc.oneof(
  fc.integer({ min: -12, max: 12 }).map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.constantFrom("9223372036854775807", "-9223372036854775808", "9223372036854775808", "999999999999999"),
  fc.constantFrom(..."-0|01|+1| 1|1 ||1.0|x|9007199254740993|1000000000000000".split("|")),
);
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 12 }),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => String.fromCharCode(...bytes)),
  integer,
);

/** Far from now on either side: the clocks of what is compared differ. Nothing between 2^53 ms, our end, and 2^63. */
const span = fc.constantFrom(..."1000000|1000000000|0|-1|01|1.5||x|9223372036854775807".split("|"));
const date = fc.constantFrom(..."1|5000000000|6000000000|0|-1||x".split("|"));
const end = fc.oneof(
  fc.tuple(fc.constantFrom("ex", "EX", "px", "PX"), span),
  fc.tuple(fc.constantFrom("exat", "EXAT", "pxat", "PXAT"), date),
);

const call = (name: string, ...args: readonly Part[]): fc.Arbitrary<Command> =>
  fc.tuple(...args).map((given) => [name, ...given.flat()]);
const many = (one: Part, maxLength = 3): fc.Arbitrary<string[]> =>
  fc.array(one, { maxLength }).map((given) => given.flat());
const words = (text: string): fc.Arbitrary<string> => fc.constantFrom(...text.split(" "));

export const strings: fc.Arbitrary<Command> = fc.oneof(
  call("set", key, value),
  call("set", key, value, many(fc.oneof(end, words("nx NX xx XX get GET keepttl KEEPTTL persist y")))),
  call("get", key),
  call("setnx", key, value),
  call("setex", key, span, value),
  call("psetex", key, span, value),
  call("getset", key, value),
  call("getdel", key),
  call("getex", key, many(fc.oneof(end, words("persist PERSIST keepttl nx")), 2)),
  call("mget", key, many(key)),
  call("mset", key, value, many(fc.tuple(key, value))),
  call("msetnx", key, value, many(fc.tuple(key, value))),
  call("append", key, value),
  call("strlen", key),
  call("getrange", key, integer, integer),
  call("substr", key, integer, integer),
  call("setrange", key, fc.oneof(integer, fc.nat(20).map(String)), value),
  call("lcs", key, key, many(words("len IDX withmatchlen WITHMATCHLEN minmatchlen 2 -1"))),
  call("del", key),
);

export const counters: fc.Arbitrary<Command> = fc.oneof(
  call("set", key, integer),
  call("setex", key, fc.constant("1000000"), integer),
  call("incr", key),
  call("decr", key),
  call("incrby", key, integer),
  call("decrby", key, integer),
  call("get", key),
);

/** The sum of eight is below 64: there Redis' 64 bits of mantissa show 17 digits behind the point without an error. */
const fraction = fc.oneof(
  fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat(99_999)).map(([whole, rest]) => `${whole}.${rest}`),
  words("0 -0 +1 .5 5. 1e-3 25E-1 3.0e0 0.2e1 -1e0 00.10 1e-20"),
  fc.constantFrom(..."inf|-INF|infinity|nan|| 1|1 |x|1e|e1|.|1e5000|-1e99999|1..2".split("|")),
);
export const fractions: fc.Arbitrary<Command> = fc.oneof(
  call("set", key, fraction),
  { weight: 3, arbitrary: call("incrbyfloat", key, fraction) },
  call("del", key),
);

export const keys: fc.Arbitrary<Command> = fc.oneof(
  call("set", key, value),
  call("set", key, value, end),
  call("expire", key, span, many(words("nx XX y"), 2)),
  call("pexpire", key, span, many(words("nx XX y"), 2)),
  // Only dates are compared: of two equal spans Redis' second one ends a millisecond later, or not.
  call("expireat", key, date, many(words("nx XX gt LT"), 2)),
  call("pexpireat", key, date, many(words("nx XX gt LT"), 2)),
  call("persist", key),
  call("rename", key, key),
  call("renamenx", key, key),
  call("copy", key, key, many(words("replace REPLACE y"), 1)),
  call("type", key),
  call("exists", key, many(key)),
  call("touch", key, many(key)),
  call("unlink", key, many(key)),
  call("del", key, many(key, 1)),
);

const offset = fc.oneof(
  fc.nat(70).map(String),
  fc.constantFrom(..."-1|01||x|67108863|67108864|9223372036854775807".split("|")),
);
const position = fc.integer({ min: -80, max: 80 }).map(String);
const bits = fc.oneof(
  fc.uint8Array({ maxLength: 10 }).map((bytes) => String.fromCharCode(...bytes)),
  fc.nat(9).map((length) => "\xff".repeat(length)),
  fc.nat(9).map((length) => "\0".repeat(length)),
);
/** What Redis before 7.2 does not look at when there is no key is always valid here. */
const range = fc.oneof(
  fc.constant([]),
  fc.tuple(position, position),
  fc.tuple(position, position, words("bit BIT byte")),
);
const bit = words("0 1");

export const bitmaps: fc.Arbitrary<Command> = fc.oneof(
  { weight: 2, arbitrary: call("set", key, bits) },
  call("setbit", key, fc.oneof({ weight: 4, arbitrary: fc.nat(70).map(String) }, offset), words("0 1 2 x")),
  call("getbit", key, offset),
  call("bitcount", key, range),
  call("bitpos", key, bit, fc.oneof(range, fc.tuple(position))),
  call("bitop", words("and OR xor"), key, key, many(key)),
  call("bitop", words("NOT not y"), key, key, many(key, 1)),
  call("get", key),
);

const fieldType = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(words("i u"), fc.integer({ min: 1, max: 63 })).map(([sign, width]) => sign + width),
  },
  words("i64 u64 i0 i65 u I8 x i08"),
);
const fieldOffset = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom("", "#"), fc.nat(20)).map(([hash, at]) => hash + at) },
  { weight: 6, arbitrary: fc.nat(70).map(String) },
  words("-1 # #x x 67108864 #67108864"),
);
/**
 * Redis computes how far a value is from the field's bounds in 64 bits. SET of one near -2^63 overflows there, and with
 * SAT the field gets its largest value instead of its smallest: not compared.
 */
const aboveRedisOverflow = (text: string): boolean => !/^-\d+$/.test(text) || BigInt(text) >= -(2n ** 62n);

const fieldOperation = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(words("get GET"), fieldType, fieldOffset) },
  {
    weight: 6,
    arbitrary: fc.tuple(words("set incrby INCRBY"), fieldType, fieldOffset, integer.filter(aboveRedisOverflow)),
  },
  { weight: 3, arbitrary: fc.tuple(words("overflow"), words("wrap SAT fail FAIL")) },
  words("get set overflow x"),
);
const wholeNumber = fc.oneof(position, fc.bigInt({ min: -(2n ** 62n), max: 2n ** 63n - 1n }).map(String));
const validOperation = fc.oneof(
  fc.tuple(words("get"), words("i5 u8 i64 u63 u1 i16"), fc.nat(40).map(String)),
  fc.tuple(words("set incrby"), words("i5 u8 i64 u63 u1 i16 i33"), fc.nat(40).map(String), wholeNumber),
  fc.tuple(words("overflow"), words("wrap sat fail")),
);

export const bitfields: fc.Arbitrary<Command> = fc.oneof(
  call("set", key, bits),
  { weight: 3, arbitrary: call("bitfield", key, many(fieldOperation)) },
  { weight: 6, arbitrary: call("bitfield", key, many(validOperation, 6)) },
  call("bitfield_ro", key, many(fieldOperation)),
);
