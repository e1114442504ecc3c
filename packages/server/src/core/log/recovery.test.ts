import { expect, test } from "vitest";
import { crc32 } from "../base/index.ts";
import { FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { Log } from "./index.ts";
import { entries, G1, G2, hardState, held, NOOP, SMALL, texts, World } from "./testing/world.ts";

const FIRST = "log/00000001.segment";
const SECOND = "log/00000002.segment";
const CUT = "the log's last write was torn by the end of the process before; it is cut";

/** Where the frames of a segment begin, by their lengths. */
function frames(world: World, path: string): number[] {
  const bytes = world.disk.bytes(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: number[] = [];
  for (let at = SEGMENT_HEADER_BYTES; view.getUint32(at, true) !== 0; ) {
    found.push(at);
    at += Math.ceil((FRAME_HEADER_BYTES + view.getUint32(at + 4, true)) / 8) * 8;
  }
  return found;
}

/** A log whose newest frame is the first of its second segment. */
function acrossSegments(world: World): Log {
  const log = world.open();
  world.run();
  for (let at = 1; frames(world, SECOND).length === 0; at += 5) {
    world.append(log, G1, entries(at, at + 4, 1, 200), hardState(1, 1, 0));
  }
  world.run();
  return log;
}

const cutWarnings = (world: World): number => world.messages.filter(({ message }) => message === CUT).length;

interface Case {
  readonly name: string;
  /** Leaves a log of three appends behind (entries 1..3, 4..6, 7..9 of group 1), and does something to it. */
  readonly harm: (world: World, log: Log) => void;
  /** What the next start makes of it: the last entry, or the refusal. */
  readonly last?: number;
  readonly refusal?: RegExp;
  readonly cut?: boolean;
}

const cases: readonly Case[] = [
  { name: "nothing happened", harm: () => {}, last: 9 },
  { name: "sealed and closed", harm: (world, log) => world.close(log), last: 9 },
  {
    name: "the last frame's body is torn",
    harm: (world) => world.disk.flipBit(FIRST, (frames(world, FIRST).at(-1) as number) + FRAME_HEADER_BYTES + 60),
    last: 6,
    cut: true,
  },
  {
    name: "the last frame's header did not reach the device",
    harm: (world) => {
      const at = frames(world, FIRST).at(-1) as number;
      world.disk.bytes(FIRST).fill(0, at, at + FRAME_HEADER_BYTES);
    },
    last: 6,
  },
  {
    name: "the last frame's length points beyond the segment",
    harm: (world) =>
      world.disk
        .bytes(FIRST)
        .fill(0xff, (frames(world, FIRST).at(-1) as number) + 4, (frames(world, FIRST).at(-1) as number) + 8),
    last: 6,
    cut: true,
  },
  {
    name: "the last frame rotted after a seal",
    harm: (world, log) => {
      world.tick(log, 30);
      world.disk.flipBit(FIRST, (frames(world, FIRST).at(-2) as number) + FRAME_HEADER_BYTES + 60);
    },
    refusal:
      /SHERD_LOG_DAMAGED: log\/00000001\.segment at offset \d+: a frame cannot be read, but the one at offset \d+ behind it is whole/,
  },
  {
    name: "the seal itself rotted",
    harm: (world, log) => {
      world.tick(log, 30);
      world.disk.flipBit(FIRST, (frames(world, FIRST).at(-1) as number) + 20);
    },
    last: 9,
    cut: true,
  },
  {
    name: "a frame in the middle is damaged",
    harm: (world) => world.disk.flipBit(FIRST, (frames(world, FIRST).at(-2) as number) + FRAME_HEADER_BYTES + 10),
    refusal:
      /SHERD_LOG_DAMAGED: log\/00000001\.segment at offset \d+: .*behind it is whole\. .*cannot be rebuilt .* yet/,
  },
  {
    name: "the length of a frame in the middle is damaged",
    harm: (world) => world.disk.flipBit(FIRST, (frames(world, FIRST).at(-2) as number) + 5),
    refusal: /SHERD_LOG_DAMAGED.*behind it is whole/,
  },
  {
    name: "a frame in the middle was written twice",
    harm: (world) => {
      const [second, third] = frames(world, FIRST).slice(-2) as [number, number];
      const bytes = world.disk.bytes(FIRST);
      const copy = bytes.slice(second, third);
      bytes.set(copy, third);
    },
    refusal: /SHERD_LOG_DAMAGED.*frame 3 lies where frame 4 belongs/,
  },
  {
    name: "the header of the only used segment cannot be read",
    harm: (world) => world.disk.flipBit(FIRST, 20),
    refusal: /SHERD_LOG_DAMAGED: Segment 1 of the log is missing, or its header cannot be read/,
  },
  {
    name: "the header of the prepared segment cannot be read",
    harm: (world) => world.disk.flipBit(SECOND, 20),
    last: 9,
  },
  {
    name: "the prepared segment is gone",
    harm: (world) => world.disk.lose(SECOND),
    last: 9,
  },
  {
    name: "no header can be read",
    harm: (world) => {
      world.disk.flipBit(FIRST, 20);
      world.disk.flipBit(SECOND, 20);
    },
    refusal: /SHERD_LOG_DAMAGED: log\/0000000[12]\.segment at offset 0/,
  },
  {
    name: "a segment was written by another version",
    harm: (world) => {
      const header = world.disk.bytes(FIRST);
      const view = new DataView(header.buffer);
      view.setUint32(8, 2, true);
      view.setUint32(60, crc32(header.subarray(0, 60)), true);
    },
    refusal: /SHERD_DATA_FORMAT: log\/00000001\.segment has format version 2 of the log; this version of sherd reads 1/,
  },
  {
    name: "a segment file was cut short",
    harm: (world) => world.disk.put(FIRST, world.disk.bytes(FIRST).subarray(0, 9000)),
    refusal: /SHERD_LOG_DAMAGED: log\/00000001\.segment at offset 9000: the file ends, 16384 bytes were written/,
  },
  {
    name: "a segment file exists twice",
    harm: (world) => world.disk.put("log/00000009.segment", world.disk.bytes(FIRST)),
    refusal: /SHERD_LOG_DAMAGED: log\/00000009\.segment and log\/00000001\.segment both say that they are segment 1/,
  },
  {
    name: "a new segment file was being made",
    harm: (world) => world.disk.put("log/00000003.segment", new Uint8Array(5_000)),
    last: 9,
  },
  {
    name: "a foreign file lies in the directory",
    harm: (world) => world.disk.put("log/README", new Uint8Array(10)),
    last: 9,
  },
];

test.each(cases)("recovery matrix: $name", ({ harm, last, refusal, cut }) => {
  const world = new World();
  const log = world.open();
  for (const at of [1, 4, 7]) world.append(log, G1, entries(at, at + 2, 1), hardState(1, 1, 0));
  world.run();
  harm(world, log);
  world.disk.crash();
  if (refusal !== undefined) {
    expect(() => world.open()).toThrow(refusal);
    // A refusal is no accident of one start: nothing was changed that would let the next one pass.
    expect(() => world.open()).toThrow(refusal);
    return;
  }
  const after = world.open();
  expect(held(after, G1)).toEqual(texts(entries(1, last ?? 0, 1)));
  expect(cutWarnings(world)).toBe(cut === true ? 1 : 0);
  // The log goes on behind what it kept, also after another crash, and the cut is not reported again.
  world.append(after, G1, entries((last ?? 0) + 1, (last ?? 0) + 20, 2), hardState(2, 1, 0));
  world.disk.crash();
  expect(world.open().last(G1)).toBe((last ?? 0) + 20);
  expect(cutWarnings(world)).toBe(cut === true ? 1 : 0);
});

test("a missing segment in the middle is refused", () => {
  const world = new World();
  const log = world.open();
  for (let at = 1; log.stats.segments < 4; at += 5)
    world.append(log, G1, entries(at, at + 4, 1, 200), hardState(1, 1, 0));
  world.run();
  world.disk.crash();
  world.disk.lose(SECOND);
  expect(() => world.open()).toThrow(
    /SHERD_LOG_DAMAGED: Segment 2 of the log is missing.*00000001\.segment says that it is needed/,
  );
});

test("the end of a segment is damaged although the next one goes on", () => {
  const world = new World();
  acrossSegments(world);
  world.disk.crash();
  world.disk.flipBit(FIRST, (frames(world, FIRST).at(-1) as number) + 3);
  expect(() => world.open()).toThrow(/SHERD_LOG_DAMAGED: log\/00000001\.segment.*but segment 2 .* goes on behind it/);
});

test("the first frame of the second segment is torn: the log goes on there", () => {
  const world = new World();
  const log = acrossSegments(world);
  const last = log.last(G1);
  world.disk.crash();
  const [first, second] = frames(world, SECOND);
  expect(second).toBeUndefined();
  world.disk.flipBit(SECOND, (first as number) + 100);
  const after = world.open();
  expect(after.last(G1)).toBe(last - 5);
  world.append(after, G1, entries(after.last(G1) + 1, after.last(G1) + 3, 2), hardState(2, 1, 0));
  world.disk.crash();
  expect(world.open().last(G1)).toBe(last - 2);
});

test("a crash while the first segments are made leaves an empty directory that starts", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const world = new World(seed);
    let ready = false;
    world.openLater(SMALL, {}, () => {
      ready = true;
    });
    for (let i = seed % 5; i > 0; i -= 1) world.step();
    world.disk.crash(seed % 2 === 0 ? "power" : "process");
    const log = world.open();
    // Whatever exists after a start that was never ready may be begun anew; after a ready one it is a log.
    if (ready) expect(log.created).toBe(false);
    world.append(log, G1, entries(1, 3, 1), hardState(1, 1, 0));
    world.disk.crash();
    expect(world.open().last(G1)).toBe(3);
  }
});

test("what an earlier use of a segment left behind is never read as a record", () => {
  const world = new World();
  const log = world.open();
  let at = 1;
  // Until segment 1's file is used again and again, each time with frames of the same sizes at the same places.
  while (log.stats.segments < 12) {
    world.append(log, G1, entries(at, at + 4, 1, 200), hardState(1, 1, at));
    log.release(G1, log.last(G1), (log.last(G1) + 1) as typeof at & ReturnType<Log["last"]>);
    log.tick();
    at += 5;
  }
  world.run();
  expect(world.disk.paths().length).toBeLessThanOrEqual(4);
  const last = log.last(G1);
  world.disk.crash();
  const after = world.open();
  expect(after.last(G1)).toBe(last);
  expect(held(after, G1)).toEqual(texts(entries(after.first(G1), last, 1)));
});

test("what a killed process left in the page cache is made durable before it is relied on", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const world = new World(seed);
    const log = world.open();
    world.append(log, G1, entries(1, 3, 1), hardState(1, 1, 0));
    log.append(G1, hardState(2, 2, 0), entries(4, 9, 2, 300), NOOP);
    log.append(G2, hardState(2, 2, 0), entries(1, 1, 2), NOOP);
    log.flush();
    world.disk.crash("process");
    const seen = world.open();
    const found = [seen.last(G1), seen.last(G2), seen.recovered.get(G1)?.hardState.term];
    world.disk.crash("power");
    const after = world.open();
    expect([after.last(G1), after.last(G2), after.recovered.get(G1)?.hardState.term]).toEqual(found);
  }
});

test("a lost frame is noticed when a reused segment shows that it existed", () => {
  const world = new World();
  const log = world.open();
  let at = 1;
  while (log.first(G1) === 1) {
    world.append(log, G1, entries(at, at + 4, 1, 200), hardState(1, 1, at));
    at += 5;
    log.release(G1, log.last(G1), (log.last(G1) + 1) as ReturnType<Log["last"]>);
    log.tick();
  }
  // The frame that releases segment 1 begins segment 2; segment 1's file becomes segment 3.
  world.append(log, G1, entries(at, at, 1), hardState(1, 1, at));
  for (let next = at + 1; log.stats.segments < 4; next += 5) world.append(log, G1, entries(next, next + 4, 1, 200));
  world.run();
  world.disk.crash();
  for (const path of world.disk.paths()) {
    if (new DataView(world.disk.bytes(path).buffer).getUint32(12, true) === 4) continue;
    const bytes = world.disk.bytes(path);
    bytes.fill(0, SEGMENT_HEADER_BYTES);
  }
  expect(() => world.open()).toThrow(/SHERD_LOG_DAMAGED/);
});
