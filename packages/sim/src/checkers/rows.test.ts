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

function row(version: number, payload: string, endsAtMs = 0): Uint8Array {
  const header = endsAtMs === 0 ? 10 : 18;
  const bytes = new Uint8Array(header + payload.length + 4);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = endsAtMs === 0 ? 0 : 1;
  view.setBigUint64(2, BigInt(version), true);
  if (endsAtMs !== 0) view.setBigUint64(10, BigInt(endsAtMs), true);
  bytes.set(latin1Bytes(payload), header);
  return bytes;
}

/** The index row that says when a key of slot 5 ends. */
function ending(endsAtMs: number, name: string): [string, Uint8Array] {
  const place = new Uint8Array(10);
  new DataView(place.buffer).setBigUint64(0, BigInt(endsAtMs));
  new DataView(place.buffer).setUint16(8, 5);
  return [key(SPACE, 0xffff, 0x42, latin1(place) + name), new Uint8Array(4)];
}

/** The system row that says how many keys the slots 0 to 127 have: some in slot 5, else none. */
function counts(keys: number): [string, Uint8Array] {
  const bytes = new Uint8Array(128 * 4 + 4);
  new DataView(bytes.buffer).setUint32(5 * 4, keys, true);
  return [key(SPACE, 0xffff, 0x40, "count:0"), bytes];
}

/** An image of a space with rows of slot 5, and how many they are; `fate` 1: it serves. */
function image(applied: number, rows: Readonly<Record<string, Uint8Array>>, fate = 1): Map<string, Uint8Array> {
  const record = new Uint8Array(17);
  record[0] = fate;
  new DataView(record.buffer).setUint32(1, group, true);
  const position = new Uint8Array(12);
  new DataView(position.buffer).setBigUint64(0, BigInt(applied), true);
  return new Map([
    [key(0, 0xffff, 0x52, latin1(new Uint8Array([0, 0, 0, SPACE]))), record],
    [key(SPACE, 0xffff, 0x41, ""), position],
    counts(Object.keys(rows).length),
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

test("keys are counted, and those that end are in the index of endings", () => {
  const found = (...beside: readonly [string, Uint8Array][]): (() => void) => {
    const rows = reference();
    rows.applied(group, 9, [{ slot: slot(5), key: "e", row: { version: 9, checksum: 0, expiresAtMs: 700 } }]);
    const all = image(9, { a: row(7, "z"), e: row(9, "", 700) });
    return () => rows.check("n1", new Map([...all, ...beside]));
  };
  expect(found(ending(700, "e"))).not.toThrow();
  expect(found()).toThrow("key 5 e is not in the index of endings");
  expect(found(ending(701, "e"))).toThrow("key 5 e is not in the index of endings");
  expect(found(ending(700, "e"), ending(700, "a"))).toThrow("the index of endings has 2 keys, not 1");
  expect(found(ending(700, "e"), counts(1))).toThrow("slot 5 is said to have 1 keys, and has 2");
  expect(found(ending(700, "e"), counts(3))).toThrow("slot 5 is said to have 3 keys, and has 2");
});
