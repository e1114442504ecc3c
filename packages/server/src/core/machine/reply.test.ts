import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, utf8Bytes } from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { decodeReply, encodeReply } from "./reply.ts";

const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 3 },
    fc.record({ type: fc.constant("simple" as const), text: fc.string() }),
    fc.record({ type: fc.constant("nil" as const) }),
    fc.record({ type: fc.constant("nilArray" as const) }),
    fc.record({ type: fc.constant("integer" as const), value: fc.maxSafeInteger() }),
    fc.record({ type: fc.constant("integer" as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
    fc.record({ type: fc.constant("bulk" as const), bytes: fc.uint8Array() }),
    fc.record({ type: fc.constant("error" as const), kind: fc.string(), text: fc.string() }),
    fc.record({ type: fc.constant("double" as const), value: fc.double({ noNaN: true }) }),
    fc.record({ type: fc.constant("boolean" as const), value: fc.boolean() }),
    fc.record({ type: fc.constant("verbatim" as const), format: fc.constant("txt" as const), text: fc.string() }),
    fc.record({ type: fc.constant("array" as const), items: fc.array(tie("reply"), { maxLength: 4 }) }),
    fc.record({ type: fc.constant("set" as const), items: fc.array(tie("reply"), { maxLength: 4 }) }),
    fc.record({
      type: fc.constant("map" as const),
      entries: fc.array(fc.tuple(tie("reply"), tie("reply")), { maxLength: 3 }),
    }),
  ),
}));

test("a reply between nodes arrives as it was given", () => {
  fc.assert(
    fc.property(reply, (given) => {
      const out = new ByteWriter();
      encodeReply(out, given);
      const input = new ByteReader(out.copy());
      expect(decodeReply(input)).toEqual(given);
      expect(input.remaining).toBe(0);
    }),
  );
});

test("digits of a large integer that are none are refused", () => {
  for (const text of ["", "-", "0x10", " 1", "1e3", "99999999999999999999"]) {
    const out = new ByteWriter();
    out.u8(13);
    out.block(utf8Bytes(text));
    expect(() => decodeReply(new ByteReader(out.copy())), text).toThrow(RangeError);
  }
});
