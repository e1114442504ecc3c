import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ByteReader,
  CHANNEL_BYTES_MAX,
  groupId,
  index,
  replicaId,
  ShortInput,
  slot,
  term,
  utf8Bytes,
} from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import {
  type Answer,
  decodeAnswer,
  decodeForward,
  decodeHints,
  decodeMessage,
  encodeAnswer,
  encodeForward,
  encodeHints,
  encodePublished,
  type Forward,
  type Hints,
  MessageTag,
  type Published,
} from "./messages.ts";

/** Decodes a message as it comes from a link, whose buffer then takes the next one. */
function received<T>(message: Uint8Array, decode: (input: ByteReader) => T): T {
  const buffer = message.slice();
  const input = new ByteReader(buffer);
  input.u8();
  const decoded = decode(input);
  buffer.fill(0xcc);
  return decoded;
}

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });

test.each<[string, Reply]>([
  ["a value", bulk("value")],
  ["several values", { type: "array", items: [bulk("a"), { type: "nil" }, bulk("b")] }],
  ["an error", { type: "error", kind: "ERR", text: "no" }],
])("%s of an answer is a copy: it may wait for earlier replies, longer than the link's buffer holds it", (_, reply) => {
  expect(received(encodeAnswer({ id: 7, reply }), decodeAnswer)).toEqual({ id: 7, reply, late: false });
});

test("an answer says whether the attempt was given back, answered, or answered late", () => {
  const answers: Answer[] = [
    { id: 1, reply: undefined },
    { id: 2, reply: { type: "integer", value: -1 }, late: false },
    { id: 3, reply: { type: "nil" }, late: true },
    { id: 4, reply: undefined, tooLargeBytes: 8_388_640 },
  ];
  for (const answer of answers) expect(received(encodeAnswer(answer), decodeAnswer)).toEqual(answer);
});

test("an answer of a kind that is not known is no answer", () => {
  const message = encodeAnswer({ id: 1, reply: { type: "nil" } });
  message[9] = 4;
  expect(() => received(message, decodeAnswer)).toThrow(RangeError);
});

test.each([undefined, { session: 2 ** 40, sequence: 3, ackedBelow: 2 }])(
  "a forwarded command arrives as it was sent, and its arguments are copies (session %o)",
  (origin) => {
    const forward: Forward = {
      id: 2 ** 33,
      group: groupId(3),
      opcode: 0x1234,
      slot: slot(16383),
      origin,
      args: [utf8Bytes("k"), new Uint8Array(0), new Uint8Array([0, 255])],
    };
    expect(received(encodeForward(forward), decodeForward)).toEqual(forward);
  },
);

test("a forwarded read says whose it is, in 32 bits", () => {
  const read: Forward = { id: 1, group: groupId(3), opcode: 1, slot: slot(2), origin: undefined, client: 7, args: [] };
  expect(received(encodeForward(read), decodeForward)).toEqual(read);
  expect(received(encodeForward({ ...read, client: 2 ** 32 + 7 }), decodeForward)).toEqual(read);
});

const asHex = (bytes: Uint8Array): string => `${Buffer.from(bytes).toString("hex")}\n`;

test("hints have the bytes that they always had; a sender that tells no clock is understood", async () => {
  const group = { group: groupId(3), term: term(7), leader: replicaId(2), heldByAll: index(99), keys: 12 };
  const hints: Hints = { mapVersion: 5, draining: true, groups: [group], wallMs: 1_790_000_000_123 };
  await expect(asHex(encodeHints(hints))).toMatchFileSnapshot("golden/hints.hex");
  expect(received(encodeHints(hints), decodeHints)).toEqual(hints);
  const silent: Hints = { ...hints, wallMs: undefined };
  expect(received(encodeHints(silent), decodeHints)).toEqual(silent);
});

test("a published message has the bytes that it always had", async () => {
  const published: Published = { sharded: true, channel: utf8Bytes("news"), message: utf8Bytes("hello") };
  await expect(asHex(encodePublished(published))).toMatchFileSnapshot("golden/published.hex");
});

test("what is published arrives as it was sent", () => {
  const bytes = fc.uint8Array({ maxLength: 40 });
  const published = fc.record({ sharded: fc.boolean(), channel: bytes, message: bytes });
  fc.assert(
    fc.property(published, (sent) => {
      expect(decodeMessage(encodePublished(sent))).toEqual({ tag: MessageTag.published, published: sent });
    }),
  );
});

test("bytes that no node sends are a published message within the limits, or none", () => {
  const long = new Uint8Array(CHANNEL_BYTES_MAX + 1);
  const tooLong = encodePublished({ sharded: false, channel: long, message: new Uint8Array(0) });
  expect(() => decodeMessage(tooLong)).toThrow(RangeError);
  let read = 0;
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.tuple(fc.constantFrom(0, 1, 2), fc.nat(40), fc.uint8Array({ maxLength: 64 })).map(([space, length, rest]) => {
      const bytes = new Uint8Array(5 + rest.length);
      bytes[0] = space;
      bytes[1] = length;
      bytes.set(rest, 5);
      return bytes;
    }),
  );
  fc.assert(
    fc.property(body, (bytes) => {
      const message = new Uint8Array([MessageTag.published, ...bytes]);
      try {
        const decoded = decodeMessage(message);
        if (decoded.tag !== MessageTag.published) throw new Error("another message");
        expect(encodePublished(decoded.published)).toEqual(message);
        read += 1;
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof ShortInput)) throw error;
      }
    }),
    { numRuns: 2_000 },
  );
  expect(read).toBeGreaterThan(100);
});
