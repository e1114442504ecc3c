import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteReader, ByteWriter, ShortInput } from "./index.ts";

test("safe integers come back from eight bytes", () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      const out = new ByteWriter(8);
      out.u64(value);
      expect(new ByteReader(out.view()).u64()).toBe(value);
    }),
  );
});

test("a number that no writer writes is outside input like one that ends early, not a broken invariant", () => {
  expect(() => new ByteReader(new Uint8Array(8).fill(0xff)).u64()).toThrow(ShortInput);
  expect(() => new ByteReader(new Uint8Array(7)).u64()).toThrow(ShortInput);
});
