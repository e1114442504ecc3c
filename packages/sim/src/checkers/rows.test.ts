import { crc32, groupId, latin1, latin1Bytes, slot } from "sherd/core/base";
import { expect, test } from "vitest";
import { AppliedRows } from "./rows.ts";

const group = groupId(1);
const SPACE = 9;

function key(space: number, slot: number, kind: number, name: string): string {
  const bytes = new Uint8Array(7 + name.length);
  new DataView(bytes.buffer).setUint32(0, space);
  new DataView(bytes.buffer).setUint16(4, slot);
  bytes[6] = kind;
  bytes.set(latin1Bytes(name), 7);
  return latin1(bytes);
}

function row(version: number, payload: string): Uint8Array {
  const bytes = new Uint8Array(10 + payload.length + 4);
  bytes[0] = 1;
  new DataView(bytes.buffer).setBigUint64(2, BigInt(version), true);
  bytes.set(latin1Bytes(payload), 10);
  return bytes;
}

/** An image of a space with rows of slot 5; `fate` 1: it serves. */
function image(applied: number, rows: Readonly<Record<string, Uint8Array>>, fate = 1): Map<string, Uint8Array> {
  const record = new Uint8Array(17);
  record[0] = fate;
  new DataView(record.buffer).setUint32(1, group, true);
  const position = new Uint8Array(12);
  new DataView(position.buffer).setBigUint64(0, BigInt(applied), true);
  return new Map([
    [key(0, 0xffff, 0x52, latin1(new Uint8Array([0, 0, 0, SPACE]))), record],
    [key(SPACE, 0xffff, 0x41, ""), position],
    ...Object.entries(rows).map(([name, value]): [string, Uint8Array] => [key(SPACE, 5, 1, name), value]),
  ]);
}

function reference(): AppliedRows {
  const rows = new AppliedRows(crc32);
  const put = (name: string, version: number, payload: string) => ({
    slot: slot(5),
    key: name,
    row: { version, checksum: crc32(latin1Bytes(payload)), expiresAtMs: 0 },
  });
  rows.applied(group, 3, [put("a", 3, "x"), put("b", 3, "y")]);
  rows.applied(group, 7, [put("a", 7, "z"), { slot: slot(5), key: "b", row: undefined }]);
  return rows;
}

const check =
  (...found: Parameters<typeof image>) =>
  () =>
    reference().check("n1", image(...found));

test("the rows are those of the applied index beside them", () => {
  expect(check(2, {})).not.toThrow();
  expect(check(5, { a: row(3, "x"), b: row(3, "y") })).not.toThrow();
  expect(check(7, { a: row(7, "z") })).not.toThrow();
});

test("anything else is not atomic", () => {
  expect(check(5, { a: row(3, "x") })).toThrow("key 5 b is missing, but should be of version 3");
  expect(check(5, { a: row(7, "z"), b: row(3, "y") })).toThrow("key 5 a is of version 7");
  expect(check(7, { a: row(7, "z"), b: row(3, "y") })).toThrow("key 5 b is of version 3, but should be missing");
  expect(check(7, { a: row(7, "damaged") })).toThrow("key 5 a");
  expect(check(7, { a: row(7, "z"), c: row(6, "c") })).toThrow("nobody wrote it");
});

test("a space that does not serve is nobody's", () => {
  expect(check(5, {}, 2)).not.toThrow();
});
