import { encodeCommand } from "@sherd/client/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  bytesEqual,
  COMMAND_ARGS_MAX,
  INLINE_BYTES_MAX,
  INPUT_BYTES_FREE,
  latin1,
  latin1Bytes,
  SKIPPED_BYTES_MAX,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { type InputBudget, Parsed, RequestParser } from "./request-parser.ts";

class Budget implements InputBudget {
  taken = 0;
  readonly max: number;

  constructor(max = Number.POSITIVE_INFINITY) {
    this.max = max;
  }

  take(bytes: number): boolean {
    if (this.taken + bytes > this.max) return false;
    this.taken += bytes;
    return true;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }
}

type Found = readonly string[] | { readonly refused: string } | { readonly broken: string };

/** Everything that the parser finds now, arguments as latin1. */
function drain(parser: RequestParser): Found[] {
  const found: Found[] = [];
  for (;;) {
    const parsed = parser.next();
    if (parsed === Parsed.more) return found;
    if (parsed === Parsed.command) {
      found.push(Array.from({ length: parser.argCount }, (_, i) => latin1(parser.arg(i))));
      expect(latin1(parser.source.subarray(parser.from(0), parser.to(0)))).toBe(latin1(parser.arg(0)));
    } else if (parsed === Parsed.refused) {
      found.push({ refused: parser.problem });
    } else {
      found.push({ broken: parser.problem });
      return found;
    }
  }
}

function parse(...chunks: string[]): Found[] {
  const parser = new RequestParser(new Budget());
  return chunks.flatMap((chunk) => {
    parser.push(latin1Bytes(chunk));
    return drain(parser);
  });
}

test("commands as arrays and inline, mixed in one stream", () => {
  expect(parse("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n")).toEqual([
    ["GET", "k"],
    ["PING"],
    ["QUIT"],
  ]);
  expect(parse("\r\n\n  \r\n*0\r\n*-1\r\nset 'a b' \"c\\x41\\n\" ''\n")).toEqual([["set", "a b", "cA\n", ""]]);
  expect(parse("*2\r\n$0\r\n\r\n$2\r\n\r\n\r\n")).toEqual([["", "\r\n"]]);
});

test("an inline line knows Redis' quotes", () => {
  expect(parse(`a "b\\"c" 'd\\'e' "\\r\\t\\b\\a\\\\\\q\\xzz" f\r\n`)).toEqual([
    ["a", 'b"c', "d'e", "\r\t\b\x07\\qxzz", "f"],
  ]);
  for (const line of ["a 'b\r\n", 'a "b\r\n', "a 'b'c\r\n", '"\\\r\n']) {
    expect(parse(line), line).toEqual([{ broken: "Protocol error: unbalanced quotes in request" }]);
  }
});

test("what is not RESP breaks the stream, with Redis' words", () => {
  const table: [string, string][] = [
    ["*x\r\n", "invalid multibulk length"],
    ["*-2\r\n", "invalid multibulk length"],
    ["*12345678901\r\n", "invalid multibulk length"],
    ["*1048577\r\n", "invalid multibulk length"],
    ["*1\n", "invalid multibulk length"],
    ["*1\r\n:1\r\n", "expected '$', got ':'"],
    ["*1\r\n\x01", "expected '$', got ' '"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$x\r\n", "invalid bulk length"],
    [`*1\r\n$${SKIPPED_BYTES_MAX + 1}\r\n`, "invalid bulk length"],
    ["*1\r\n$1\r\nabc", "expected CRLF after an argument"],
    ["a".repeat(INLINE_BYTES_MAX + 1), "too big inline request"],
    ["POST / HTTP/1.1\r\n", "this is not an HTTP server"],
    ["Host: localhost\r\n", "this is not an HTTP server"],
  ];
  for (const [wire, problem] of table) {
    expect(parse(wire), wire.slice(0, 20)).toEqual([{ broken: `Protocol error: ${problem}` }]);
  }
});

const command = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

function* cut(wire: Uint8Array, at: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (const to of [...at.map((one) => one % (wire.length + 1)).sort((a, b) => a - b), wire.length]) {
    yield wire.slice(from, to);
    from = to;
  }
}

test("however the stream is cut, the commands are the same, and views of earlier ones stay what they were", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 10 }), cuts, (commands, at) => {
      const wire = Buffer.concat(commands.map((args) => encodeCommand(args)));
      const parser = new RequestParser(new Budget());
      const views: Uint8Array[][] = [];
      for (const chunk of cut(wire, at)) {
        parser.push(chunk);
        while (parser.next() === Parsed.command) {
          views.push(Array.from({ length: parser.argCount }, (_, i) => parser.arg(i)));
        }
      }
      expect(views).toEqual(commands);
    }),
  );
});

test("byte by byte, an oversized argument costs one error and nothing else", () => {
  const small = encodeCommand(["GET", "k"]);
  const wire = Buffer.concat([small, encodeCommand(["SET", "k", new Uint8Array(VALUE_BYTES_MAX + 1), "x"]), small]);
  const expected: Found[] = [
    ["GET", "k"],
    { refused: `an argument is ${VALUE_BYTES_MAX + 1} bytes long; at most ${VALUE_BYTES_MAX} are allowed` },
    ["GET", "k"],
  ];
  const whole = new RequestParser(new Budget());
  whole.push(wire);
  expect(drain(whole)).toEqual(expected);

  // Around every boundary between header, text and line end.
  const text = wire.indexOf(`$${VALUE_BYTES_MAX + 1}`);
  const starts = [...Array(24).keys()].map((n) => text + n);
  const ends = [...Array(32).keys()].map((n) => wire.length - 1 - n);
  for (const at of [...starts, ...ends]) {
    const parser = new RequestParser(new Budget());
    const found: Found[] = [];
    for (const chunk of [wire.subarray(0, at), wire.subarray(at, at + 1), wire.subarray(at + 1)]) {
      parser.push(chunk);
      found.push(...drain(parser));
    }
    expect(found, `cut at ${at}`).toEqual(expected);
  }
});

test("the refusal comes before the value does, and the value is never kept", () => {
  const budget = new Budget();
  const parser = new RequestParser(budget);
  const bytes = VALUE_BYTES_MAX * 4;
  parser.push(latin1Bytes(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${bytes}\r\n`));
  expect(drain(parser)).toHaveLength(1);
  const chunk = new Uint8Array(64 * 1024);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    parser.push(chunk);
    expect(parser.next()).toBe(Parsed.more);
    expect(budget.taken).toBe(0);
  }
  parser.push(latin1Bytes("\r\n*1\r\n$4\r\nPING\r\n"));
  expect(drain(parser)).toEqual([["PING"]]);
});

test("too many arguments, and too many bytes in all of them, are read past", () => {
  const many = encodeCommand(["DEL", ...Array.from({ length: COMMAND_ARGS_MAX }, () => "k")]);
  const parser = new RequestParser(new Budget());
  parser.push(many);
  parser.push(latin1Bytes("PING\r\n"));
  expect(drain(parser)).toEqual([
    { refused: `the command has ${COMMAND_ARGS_MAX + 1} arguments; at most ${COMMAND_ARGS_MAX} are allowed` },
    ["PING"],
  ]);
  parser.push(encodeCommand(["X", new Uint8Array(VALUE_BYTES_MAX), new Uint8Array(VALUE_BYTES_MAX), "y"]));
  parser.push(latin1Bytes("PING\r\n"));
  const [refusal, next] = drain(parser);
  expect(refusal).toEqual({ refused: expect.stringMatching(/^the command is longer than/) });
  expect(next).toEqual(["PING"]);
});

test("when the node has no room for incomplete commands, the one that grows is refused, and its room given back", () => {
  const budget = new Budget(1024 * 1024);
  const parser = new RequestParser(budget);
  const value = new Uint8Array(4 * 1024 * 1024);
  const wire = encodeCommand(["SET", "k", value]);
  const found: Found[] = [];
  let highest = 0;
  for (let at = 0; at < wire.length; at += 64 * 1024) {
    parser.push(wire.slice(at, at + 64 * 1024));
    found.push(...drain(parser));
    highest = Math.max(highest, budget.taken);
  }
  expect(highest).toBeGreaterThan(INPUT_BYTES_FREE);
  expect(found).toEqual([{ refused: "too much is arriving on all connections at once; try again" }]);
  parser.push(latin1Bytes("PING\r\n"));
  expect(drain(parser)).toEqual([["PING"]]);
  parser.push(encodeCommand(["SET", "k", new Uint8Array(INPUT_BYTES_FREE / 2)]));
  expect(drain(parser)).toHaveLength(1);
  parser.close();
  expect(budget.taken).toBe(0);
});

test("room that an incomplete command has not filled yet is counted with it", () => {
  const budget = new Budget();
  const parser = new RequestParser(budget);
  const wire = encodeCommand(["SET", "k", new Uint8Array(VALUE_BYTES_MAX)]);
  for (let at = 0; at < wire.length; at += 64 * 1024) {
    parser.push(wire.slice(at, at + 64 * 1024));
    parser.next();
    const held = parser.spareBytes === 0 ? 0 : parser.bufferedBytes + parser.spareBytes;
    expect(budget.taken).toBeGreaterThanOrEqual(held - INPUT_BYTES_FREE);
  }
});

test("a large command that was taken costs nothing while its client is idle", () => {
  const budget = new Budget();
  const parser = new RequestParser(budget);
  const wire = encodeCommand(["SET", "k", new Uint8Array(VALUE_BYTES_MAX)]);
  let highest = 0;
  for (let at = 0; at < wire.length; at += 64 * 1024) {
    parser.push(wire.slice(at, at + 64 * 1024));
    highest = Math.max(highest, budget.taken);
    expect(parser.next()).toBe(at + 64 * 1024 < wire.length ? Parsed.more : Parsed.command);
  }
  expect(highest).toBeGreaterThan(VALUE_BYTES_MAX / 2);
  const value = parser.arg(2);
  expect(parser.next()).toBe(Parsed.more);
  expect([budget.taken, parser.spareBytes, parser.empty]).toEqual([0, 0, true]);
  expect(value).toHaveLength(VALUE_BYTES_MAX);
  parser.push(latin1Bytes("PING\r\n"));
  expect(drain(parser)).toEqual([["PING"]]);
});

test("a large value in small chunks costs its length, not its square", () => {
  const budget = new Budget();
  const parser = new RequestParser(budget);
  const value = new Uint8Array(VALUE_BYTES_MAX).fill(7);
  const wire = encodeCommand(["SET", "k", value]);
  const step = 1_000;
  for (let at = 0; at < wire.length; at += step) {
    parser.push(wire.slice(at, at + step));
    if (at + step < wire.length) expect(parser.next()).toBe(Parsed.more);
  }
  expect(parser.next()).toBe(Parsed.command);
  expect(bytesEqual(parser.arg(2), value)).toBe(true);
  parser.push(latin1Bytes("PING\r\n"));
  expect(drain(parser)).toEqual([["PING"]]);
  parser.push(latin1Bytes("PING\r\n"));
  expect(budget.taken).toBe(0);
});

test("hostile bytes are commands, refused or broken; nothing is thrown, nothing is taken on a header's word", () => {
  const noise = fc.oneof(
    fc.constantFrom(
      "*",
      "$",
      "\r\n",
      "-1",
      "0",
      "1",
      "3",
      "16385",
      "9000000",
      "536870912",
      "a",
      "'",
      '"',
      " ",
      "\n",
      "\\",
    ),
    fc.string({ maxLength: 3 }),
  );
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 60 }), cuts, (words, at) => {
      const budget = new Budget();
      const parser = new RequestParser(budget);
      const wire = latin1Bytes(words.join("").replace(/[^\0-\xff]/g, "?"));
      for (const chunk of cut(wire, at)) {
        parser.push(chunk);
        const last = drain(parser).at(-1);
        if (last !== undefined && "broken" in last) return;
      }
      expect(budget.taken).toBe(0);
    }),
    { numRuns: 3_000 },
  );
});

test("nothing that alternates can exhaust the stack", () => {
  expect(parse("\r\n*0\r\n".repeat(100_000))).toEqual([]);
});
