import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ByteWriter, crc32, EMPTY_BYTES, groupId, index, latin1Bytes, term } from "../base/index.ts";
import { type Entry, EntryKind } from "../raft/index.ts";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  FRAME_HEADER_BYTES,
  FrameKind,
  FrameReader,
  finishFrame,
  RecordKind,
  readEntry,
  type SegmentHeader,
  writeEntry,
  writeRecordHeader,
  writeRemove,
} from "./format.ts";
import { hardState } from "./testing/world.ts";

const ENV = { checksum: crc32 };
const SEGMENT: SegmentHeader = {
  sequence: 7,
  epochLow: 0x11223344,
  epochHigh: 0x55667788,
  bytes: 65_536,
  firstLive: 5,
};

const ENTRIES: readonly Entry[] = [
  { index: index(301), term: term(4), kind: EntryKind.normal, data: latin1Bytes("SET key value") },
  { index: index(302), term: term(2 ** 40), kind: EntryKind.confChangeV2, data: EMPTY_BYTES },
];

/** A frame with whatever `write` puts into it. */
function frame(kind: FrameKind, write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  writer.skip(FRAME_HEADER_BYTES);
  write(writer);
  return finishFrame(writer, SEGMENT, { number: 2 ** 33 + 5, kind, firstLive: 6 }, ENV).slice();
}

const GOLDEN: Readonly<Record<string, Uint8Array>> = {
  "segment-header": encodeSegmentHeader(SEGMENT),
  append: frame(FrameKind.records, (writer) => {
    const previous = { index: 300, term: 3 };
    writeRecordHeader(writer, RecordKind.append, groupId(9), hardState(4, 77, 299), previous, ENTRIES.length);
    for (const entry of ENTRIES) writeEntry(writer, entry, ENV);
  }),
  "append-hard-state-only": frame(FrameKind.records, (writer) =>
    writeRecordHeader(writer, RecordKind.append, groupId(9), hardState(5, 0, 300), { index: 302, term: 2 ** 40 }, 0),
  ),
  "image-reset": frame(FrameKind.records, (writer) =>
    writeRecordHeader(writer, RecordKind.image, groupId(0), hardState(6, 2 ** 50, 1000), { index: 1000, term: 6 }, 0),
  ),
  "image-carry": frame(FrameKind.records, (writer) => {
    writeRecordHeader(writer, RecordKind.image, groupId(9), hardState(4, 77, 299), { index: 300, term: 3 }, 2);
    for (const entry of ENTRIES) writeEntry(writer, entry, ENV);
  }),
  remove: frame(FrameKind.records, (writer) => writeRemove(writer, groupId(2 ** 32 - 1))),
  seal: frame(FrameKind.seal, () => {}),
  end: frame(FrameKind.end, () => {}),
};

/** Sixteen bytes a line, in hex: differences can be read. */
function hex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, "0"));
    lines.push(`${at.toString(16).padStart(4, "0")}  ${row.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

test.each(Object.entries(GOLDEN))("golden bytes: %s", (name, bytes) => {
  const path = new URL(`golden/${name}.hex`, import.meta.url);
  // A new kind gets its file from the first run; an existing file is never written.
  if (!existsSync(path) && process.env["SHERD_WRITE_GOLDEN"] === "1") writeFileSync(path, hex(bytes));
  expect(hex(bytes)).toBe(readFileSync(path, "utf8"));
});

test("golden bytes can be read: what they say is what was written", () => {
  expect(decodeSegmentHeader(GOLDEN["segment-header"] as Uint8Array)).toEqual(SEGMENT);
  const frames = new FrameReader(GOLDEN["append"] as Uint8Array, SEGMENT, ENV);
  expect(frames.sound(0)).toBe(true);
  expect([frames.number(0), frames.kind(0), frames.firstLive(0)]).toEqual([2 ** 33 + 5, FrameKind.records, 6]);
  expect(frames.next(0)).toBe(frames.bytes.length);
  const records = frames.records(0);
  expect(records.next()).toBe(true);
  expect(records).toMatchObject({ kind: RecordKind.append, group: 9, term: 4, vote: 77, commit: 299 });
  expect(records).toMatchObject({ previousIndex: 300, previousTerm: 3 });
  for (const entry of ENTRIES) {
    expect(records.nextEntry()).toBe(true);
    expect(readEntry(frames.bytes, records.entryAt, entry, ENV)).toEqual(entry);
    expect(readEntry(frames.bytes, records.entryAt, { index: entry.index, term: 1 }, ENV)).toBeUndefined();
  }
  expect(records.nextEntry()).toBe(false);
  expect(records.next()).toBe(false);
});

test("every single flipped bit of a frame is noticed", () => {
  for (let bit = 0; bit < (GOLDEN["append"] as Uint8Array).length * 8; bit += 1) {
    const bytes = (GOLDEN["append"] as Uint8Array).slice();
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    const frames = new FrameReader(bytes, SEGMENT, ENV);
    expect(frames.sound(0), `bit ${bit}`).toBe(false);
  }
});

test("a frame of another use of the segment is no frame", () => {
  const bytes = GOLDEN["append"] as Uint8Array;
  expect(new FrameReader(bytes, { ...SEGMENT, epochHigh: 1 }, ENV).sound(0)).toBe(false);
  expect(new FrameReader(bytes, { ...SEGMENT, epochLow: 1 }, ENV).begun(0)).toBe(false);
});

test("headers: blank, damaged, and of another version", () => {
  const header = GOLDEN["segment-header"] as Uint8Array;
  expect(decodeSegmentHeader(new Uint8Array(4096))).toBe("blank");
  expect(decodeSegmentHeader(new Uint8Array(0))).toBe("blank");
  for (let at = 0; at < 64; at += 1) {
    const bytes = header.slice();
    bytes[at] = (bytes[at] as number) ^ 1;
    expect(decodeSegmentHeader(bytes)).toBe("damaged");
  }
  const other = header.slice();
  const view = new DataView(other.buffer);
  view.setUint32(8, 9, true);
  view.setUint32(60, crc32(other.subarray(0, 60)), true);
  expect(decodeSegmentHeader(other)).toBe(9);
});
