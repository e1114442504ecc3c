import { RespReplyParser } from "@sherd/client/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, latin1, REPLY_UNCOPIED_BYTES_MIN, utf8Bytes } from "../base/index.ts";
import { errorReply, NIL, OK, ONE, type Reply, ZERO } from "../command/index.ts";
import { ReplyWriter, type RespVersion } from "./reply-writer.ts";

function wireOf(resp: RespVersion, ...replies: Reply[]): Uint8Array {
  const writer = new ReplyWriter();
  writer.resp = resp;
  for (const reply of replies) writer.reply(reply);
  const parts: Uint8Array[] = [];
  const length = writer.length;
  writer.drain((bytes) => {
    parts.push(bytes.slice());
    return true;
  });
  const wire = concatBytes(parts);
  expect(length).toBe(wire.length);
  expect(writer.length).toBe(0);
  return wire;
}

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });

test("every reply in RESP2 and in RESP3", () => {
  const table: [Reply, string, string][] = [
    [OK, "+OK\r\n", "+OK\r\n"],
    [{ type: "simple", text: "OK" }, "+OK\r\n", "+OK\r\n"],
    [NIL, "$-1\r\n", "_\r\n"],
    [{ type: "nil" }, "$-1\r\n", "_\r\n"],
    [ZERO, ":0\r\n", ":0\r\n"],
    [ONE, ":1\r\n", ":1\r\n"],
    [{ type: "integer", value: -12 }, ":-12\r\n", ":-12\r\n"],
    [{ type: "integer", value: -(2n ** 63n) }, ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
    [{ type: "integer", value: 10_000_000_000 }, ":10000000000\r\n", ":10000000000\r\n"],
    [bulk(""), "$0\r\n\r\n", "$0\r\n\r\n"],
    [bulk("0123456789"), "$10\r\n0123456789\r\n", "$10\r\n0123456789\r\n"],
    [errorReply("ERR", "a\r\nb"), "-ERR a  b\r\n", "-ERR a  b\r\n"],
    [{ type: "error", kind: "ERR", text: "a\nb" }, "-ERR a b\r\n", "-ERR a b\r\n"],
    [{ type: "array", items: [ONE, { type: "array", items: [] }] }, "*2\r\n:1\r\n*0\r\n", "*2\r\n:1\r\n*0\r\n"],
    [{ type: "set", items: [ZERO] }, "*1\r\n:0\r\n", "~1\r\n:0\r\n"],
    [{ type: "map", entries: [[bulk("a"), ONE]] }, "*2\r\n$1\r\na\r\n:1\r\n", "%1\r\n$1\r\na\r\n:1\r\n"],
    [{ type: "double", value: 1.5 }, "$3\r\n1.5\r\n", ",1.5\r\n"],
    [{ type: "double", value: Number.NEGATIVE_INFINITY }, "$4\r\n-inf\r\n", ",-inf\r\n"],
    [{ type: "boolean", value: true }, ":1\r\n", "#t\r\n"],
    [{ type: "boolean", value: false }, ":0\r\n", "#f\r\n"],
    [{ type: "verbatim", format: "txt", text: "é" }, "$2\r\n\xc3\xa9\r\n", "=6\r\ntxt:\xc3\xa9\r\n"],
  ];
  for (const [reply, resp2, resp3] of table) {
    expect(latin1(wireOf(2, reply)), resp2).toBe(resp2);
    expect(latin1(wireOf(3, reply)), resp2).toBe(resp3);
  }
});

test("integers and bulk strings of every length come back", () => {
  const reply = fc.oneof(
    fc.maxSafeInteger().map((value): Reply => ({ type: "integer", value })),
    fc.uint8Array({ maxLength: 2_000 }).map((bytes): Reply => ({ type: "bulk", bytes })),
  );
  fc.assert(
    fc.property(fc.array(reply, { maxLength: 20 }), (replies) => {
      const parsed = new RespReplyParser().push(wireOf(2, ...replies));
      const expected = replies.map((one) =>
        one.type === "integer" ? one.value : one.type === "bulk" ? one.bytes : one,
      );
      expect(parsed.map((value) => (Object.is(value, -0) ? 0 : value))).toStrictEqual(
        expected.map((value) => (Object.is(value, -0) ? 0 : value)),
      );
    }),
  );
});

test("a large value is given to the socket as it is, between what was gathered before and after it", () => {
  const writer = new ReplyWriter();
  const large = new Uint8Array(REPLY_UNCOPIED_BYTES_MIN);
  writer.reply(OK);
  writer.reply({ type: "bulk", bytes: large });
  writer.reply(OK);
  const parts: Uint8Array[] = [];
  writer.drain((bytes) => parts.push(bytes) > 0);
  expect(parts).toHaveLength(3);
  expect(parts[1]).toBe(large);
  expect(latin1(parts[0] as Uint8Array)).toBe(`+OK\r\n$${large.length}\r\n`);
  expect(latin1(parts[2] as Uint8Array)).toBe("\r\n+OK\r\n");
});

test("a buffer that the socket keeps is not written into again", () => {
  const writer = new ReplyWriter();
  writer.reply(OK);
  let kept: Uint8Array = new Uint8Array(0);
  writer.drain((bytes) => {
    kept = bytes;
    return false;
  });
  writer.reply(ONE);
  expect(latin1(kept)).toBe("+OK\r\n");
});
