import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ByteWriter, PATTERN_BYTES_MAX, slot, utf8Bytes } from "../base/index.ts";
import { encodeCommandArgs } from "./entry.ts";
import {
  decodeKeyPageReply,
  decodeKeyPageRequest,
  encodeKeyPageReply,
  encodeKeyPageRequest,
  PLACES_END,
} from "./key-reads.ts";
import { encodeReply } from "./reply.ts";

const golden = fileURLToPath(new URL("golden/key-reads.hex", import.meta.url));
const REQUEST = { place: PLACES_END - 1, toSlot: slot(16383), keysMax: 1_000, pattern: utf8Bytes("user:*") };
const REPLY = { keys: [utf8Bytes("a"), utf8Bytes("")], examined: 3, next: { slot: slot(7), place: 2 ** 33 } };

test("the format on the wire never changes by accident", () => {
  const out = new ByteWriter(64);
  encodeCommandArgs(out, encodeKeyPageRequest(REQUEST));
  encodeReply(out, encodeKeyPageReply(REPLY));
  encodeReply(out, encodeKeyPageReply({ keys: [], examined: 0, next: undefined }));
  const hex = Buffer.from(out.view()).toString("hex");
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(golden, `${hex}\n`);
  expect(`${hex}\n`).toBe(readFileSync(golden, "utf8"));
});

test("what was encoded is read again", () => {
  expect(decodeKeyPageRequest(encodeKeyPageRequest(REQUEST))).toEqual(REQUEST);
  const whole = { ...REQUEST, place: 0, pattern: undefined };
  expect(decodeKeyPageRequest(encodeKeyPageRequest(whole))).toEqual(whole);
  expect(decodeKeyPageReply(encodeKeyPageReply(REPLY))).toEqual(REPLY);
});

test("a peer's request or reply that nobody encoded is none", () => {
  const [fields = new Uint8Array()] = encodeKeyPageRequest(REQUEST);
  const changed = (at: number, byte: number): Uint8Array[] => [fields.map((value, i) => (i === at ? byte : value))];
  for (const args of [
    [],
    [fields.subarray(1)],
    [fields, fields, fields],
    [fields, new Uint8Array(PATTERN_BYTES_MAX + 1)],
    changed(5, 0xff),
    changed(7, 0x40),
    changed(11, 1),
    [fields.slice().fill(0)],
  ]) {
    expect(decodeKeyPageRequest(args)).toBeUndefined();
  }
  const nothing = { type: "array", items: [] } as const;
  const one = { type: "integer", value: 1 } as const;
  for (const reply of [
    one,
    nothing,
    { type: "array", items: [one, one, one, { type: "array", items: [one] }] } as const,
  ]) {
    expect(decodeKeyPageReply(reply)).toBeUndefined();
  }
});
