import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeCommand,
  RespError,
  RespMap,
  RespProtocolError,
  RespPush,
  RespReplyParser,
  type RespValue,
} from "./index.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string): RespValue[] => new RespReplyParser().push(bytes(text));

test("every type of RESP2 and RESP3 has its value", () => {
  const table: [string, RespValue][] = [
    ["+OK\r\n", "OK"],
    ["+\r\n", ""],
    ["-MOVED 866 10.0.0.1:7379\r\n", new RespError("MOVED 866 10.0.0.1:7379")],
    [":0\r\n", 0],
    [":-7\r\n", -7],
    [":+7\r\n", 7],
    [":9223372036854775807\r\n", 9223372036854775807n],
    ["$5\r\na\r\nbc\r\n", bytes("a\r\nbc")],
    ["$0\r\n\r\n", new Uint8Array(0)],
    ["$-1\r\n", null],
    ["*-1\r\n", null],
    ["*0\r\n", []],
    ["*2\r\n:1\r\n*1\r\n+x\r\n", [1, ["x"]]],
    ["_\r\n", null],
    ["#t\r\n", true],
    ["#f\r\n", false],
    [",1.5e3\r\n", 1500],
    [",-inf\r\n", Number.NEGATIVE_INFINITY],
    [",nan\r\n", Number.NaN],
    ["(123456789012345678901234567890\r\n", 123456789012345678901234567890n],
    ["!8\r\nERR a\r\nb\r\n", new RespError("ERR a\r\nb")],
    ["=7\r\ntxt:abc\r\n", "abc"],
    [
      "%2\r\n+a\r\n:1\r\n+b\r\n*0\r\n",
      new RespMap([
        ["a", 1],
        ["b", []],
      ]),
    ],
    ["~2\r\n:1\r\n:2\r\n", [1, 2]],
    [">2\r\n+invalidate\r\n_\r\n", new RespPush(["invalidate", null])],
    ["|1\r\n+ttl\r\n:3\r\n+value\r\n", "value"],
    ["*2\r\n|1\r\n+ttl\r\n:3\r\n+a\r\n+b\r\n", ["a", "b"]],
  ];
  for (const [wire, value] of table) expect(parse(wire), wire).toStrictEqual([value]);
  expect(new RespError("MOVED 866 10.0.0.1:7379").kind).toBe("MOVED");
  expect(new RespError("ERR").kind).toBe("ERR");
});

/** Values with the bytes that say them. */
const reply: fc.Arbitrary<[Uint8Array, RespValue]> = fc.letrec<{ any: [Uint8Array, RespValue] }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    fc.integer().map((n): [Uint8Array, RespValue] => [bytes(`:${n}\r\n`), n]),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }).map((n): [Uint8Array, RespValue] => [bytes(`:${n}\r\n`), n]),
    fc
      .string({ unit: "grapheme" })
      .filter((s) => !/[\r\n]/.test(s))
      .map((s): [Uint8Array, RespValue] => [bytes(`+${s}\r\n`), s]),
    fc
      .string()
      .filter((s) => !/[\r\n]/.test(s))
      .map((s): [Uint8Array, RespValue] => [bytes(`-${s}\r\n`), new RespError(s)]),
    fc
      .uint8Array({ maxLength: 64 })
      .map((b): [Uint8Array, RespValue] => [join([bytes(`$${b.length}\r\n`), b, bytes("\r\n")]), b]),
    fc.constant<[Uint8Array, RespValue]>([bytes("_\r\n"), null]),
    fc
      .array(tie("any"), { maxLength: 5 })
      .map((items): [Uint8Array, RespValue] => [
        join([bytes(`*${items.length}\r\n`), ...items.map(([wire]) => wire)]),
        items.map(([, value]) => value),
      ]),
    fc
      .array(fc.tuple(tie("any"), tie("any")), { maxLength: 3 })
      .map((pairs): [Uint8Array, RespValue] => [
        join([bytes(`%${pairs.length}\r\n`), ...pairs.flatMap(([[key], [value]]) => [key, value])]),
        new RespMap(pairs.map(([[, key], [, value]]) => [key, value])),
      ]),
  ),
})).any;

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function* chunks(wire: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  const sorted = cuts.map((cut) => cut % (wire.length + 1)).sort((a, b) => a - b);
  let from = 0;
  for (const to of [...sorted, wire.length]) {
    yield wire.subarray(from, to);
    from = to;
  }
}

test("however the stream is cut, the replies are the same", () => {
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (replies, cuts) => {
      const wire = join(replies.map(([one]) => one));
      const parser = new RespReplyParser();
      const parsed: RespValue[] = [];
      for (const chunk of chunks(wire, cuts)) {
        // The caller's buffer is used again: what the parser kept must be its own.
        const lent = chunk.slice();
        parsed.push(...parser.push(lent));
        lent.fill(0xff);
      }
      expect(parsed).toStrictEqual(replies.map(([, value]) => value));
    }),
  );
});

test("byte by byte is as good as at once", () => {
  fc.assert(
    fc.property(reply, ([wire, value]) => {
      const parser = new RespReplyParser();
      const parsed: RespValue[] = [];
      for (const byte of wire) parsed.push(...parser.push(Uint8Array.of(byte)));
      expect(parsed).toStrictEqual([value]);
    }),
  );
});

test("hostile bytes give a protocol error or wait for more, never another exception", () => {
  const alphabet = fc.constantFrom(..."+-:$*%~>|_#,(!=0123456789\r\n\r\nabt?".split(""));
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          alphabet.map((c) => c.charCodeAt(0)),
          fc.nat(255),
        ),
        { maxLength: 200 },
      ),
      (noise) => {
        const parser = new RespReplyParser();
        try {
          for (const byte of noise) parser.push(Uint8Array.of(byte));
        } catch (error) {
          expect(error).toBeInstanceOf(RespProtocolError);
          expect(() => parser.push(bytes("+OK\r\n"))).toThrow(RespProtocolError);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});

test("a header that promises much takes no memory, and one that promises too much is refused", () => {
  const before = process.memoryUsage().arrayBuffers;
  const parser = new RespReplyParser();
  expect(parser.push(bytes("$536870912\r\nab"))).toEqual([]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  for (const wire of [
    "$536870913\r\n",
    "*99999999999\r\n",
    "$-2\r\n",
    "*1x\r\n",
    "*1\r\n".repeat(64),
    `+${"a".repeat(70_000)}`,
  ]) {
    expect(() => parse(wire), wire.slice(0, 20)).toThrow(RespProtocolError);
  }
});

test("a large value in many chunks costs its length, not its square", () => {
  const parser = new RespReplyParser();
  const chunk = new Uint8Array(64 * 1024).fill(0x61);
  const count = 512;
  expect(parser.push(bytes(`$${chunk.length * count}\r\n`))).toEqual([]);
  for (let i = 0; i < count; i += 1) expect(parser.push(chunk)).toEqual([]);
  const [value] = parser.push(bytes("\r\n"));
  expect((value as Uint8Array).length).toBe(chunk.length * count);
});

test("a command is an array of bulk strings, strings as UTF-8", () => {
  expect(encodeCommand(["SET", "schlüssel", Uint8Array.of(0, 13, 10, 255)])).toEqual(
    join([bytes("*3\r\n$3\r\nSET\r\n$10\r\nschlüssel\r\n$4\r\n"), Uint8Array.of(0, 13, 10, 255), bytes("\r\n")]),
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 120 }), (args) => {
      // A command is itself RESP, so the reply parser must read it back.
      expect(new RespReplyParser().push(encodeCommand(args))).toStrictEqual([args]);
    }),
  );
});
