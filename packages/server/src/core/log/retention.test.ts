import { expect, test } from "vitest";
import { type GroupId, groupId, index } from "../base/index.ts";
import type { Log, LogHandler } from "./index.ts";
import { entries, G1, G2, G3, hardState, held, NOOP, SMALL, texts, World } from "./testing/world.ts";

/** Appends to a group until the log has begun so many segments; the store flushes behind it, if told so. */
function fill(world: World, log: Log, group: GroupId, segments: number, flushed: boolean): void {
  while (log.stats.segments < segments) {
    const next = log.last(group) + 1;
    world.append(log, group, entries(next, next + 4, 1, 200), hardState(1, 1, next));
    if (flushed) log.release(group, log.last(group), index(log.last(group) + 1));
    log.tick();
  }
  world.run();
}

function opened(handler: Partial<LogHandler> = {}, seed = 1): { world: World; log: Log } {
  const world = new World(seed);
  return { world, log: world.open(SMALL, handler) };
}

test("segments that nobody needs are used again; the files do not grow in number", () => {
  const truncated: number[] = [];
  const { world, log } = opened({ onTruncated: (_, at) => truncated.push(at) });
  fill(world, log, G1, 30, true);
  expect(world.disk.paths().length).toBeLessThanOrEqual(4);
  expect(log.first(G1)).toBeGreaterThan(1000);
  expect(truncated.at(-1)).toBe(log.first(G1) - 1);
  expect(truncated).toEqual([...truncated].sort((a, b) => a - b));
  expect(log.term(G1, index(log.first(G1) - 1))).toBe(1);
  expect(log.term(G1, index(log.first(G1) - 2))).toBeUndefined();
  expect(held(log, G1)).toEqual(texts(entries(log.first(G1), log.last(G1), 1)));
});

test("nothing above the durable index is ever dropped, however large the log becomes", () => {
  const asked: GroupId[] = [];
  const { world, log } = opened({ onPressure: (groups) => asked.push(...groups) });
  fill(world, log, G1, 12, false);
  expect(log.first(G1)).toBe(1);
  expect(log.retainedBytes).toBeGreaterThan(SMALL.retainedBytesMax as number);
  expect(new Set(asked)).toEqual(new Set([G1]));
  world.disk.crash();
  expect(held(world.open(), G1)).toEqual(texts(entries(1, log.last(G1), 1)));
});

test("what others want is kept up to the limit, and given up beyond it", () => {
  const { world, log } = opened();
  const append = (): void => {
    const next = log.last(G1) + 1;
    world.append(log, G1, entries(next, next + 4, 1, 200), hardState(1, 1, next));
    log.release(G1, log.last(G1), index(3));
    log.tick();
  };
  while (log.retainedBytes < (SMALL.retainedBytesMax as number) - 2_000) append();
  expect(log.first(G1)).toBe(1);
  for (let i = 0; i < 100; i += 1) append();
  expect(log.first(G1)).toBeGreaterThan(3);
  expect(log.retainedBytes).toBeLessThanOrEqual(SMALL.retainedBytesMax as number);
  expect(log.retainedBytes).toBeGreaterThan((SMALL.retainedBytesMax as number) - 2 * (SMALL.segmentBytes as number));
});

test("entries that follow a snapshot on its way are kept beyond the limit of what is wanted, until it has arrived", () => {
  const { world, log } = opened();
  const retained = SMALL.retainedBytesMax as number;
  world.append(log, G1, entries(1, 5, 1, 200), hardState(1, 1, 5));
  log.release(G1, index(5), index(6));
  log.pin(G1, index(3));
  // Heavy writes of another group, and of this one.
  while (log.retainedBytes < 2 * retained) {
    for (const group of [G1, G2]) {
      const next = log.last(group) + 1;
      world.append(log, group, entries(next, next + 4, 1, 200), hardState(1, 1, next));
      log.release(group, log.last(group), index(log.last(group) + 1));
    }
    log.tick();
  }
  expect(log.first(G1)).toBeLessThanOrEqual(3);
  expect(world.read(log, G1, 3, 5).map(({ index: at }) => at)).toEqual([3, 4]);
  log.pin(G1, undefined);
  log.tick();
  expect(log.first(G1)).toBeGreaterThan(3);
  expect(log.retainedBytes).toBeLessThanOrEqual(retained);
});

test("a replica that never installs its snapshot does not fill the disk: pinned entries have a limit of their own", () => {
  const { world, log } = opened();
  const limit = (SMALL.retainedBytesMax as number) + (SMALL.pinnedBytesMax as number);
  let most = 0;
  log.append(G1, hardState(1, 1, 0), entries(1, 5, 1, 200), NOOP);
  log.pin(G1, index(3));
  while (log.stats.segments < 40) {
    const next = log.last(G1) + 1;
    world.append(log, G1, entries(next, next + 4, 1, 200), hardState(1, 1, next));
    log.release(G1, log.last(G1), index(log.last(G1) + 1));
    log.tick();
    most = Math.max(most, log.retainedBytes);
  }
  expect(most).toBeLessThanOrEqual(limit);
  expect(most).toBeGreaterThan(limit - 2 * (SMALL.segmentBytes as number));
  expect(log.first(G1)).toBeGreaterThan(3);
});

test("while the disk is nearly full, pinned entries are given up: no file is made for them", () => {
  const { world, log } = opened();
  const retained = SMALL.retainedBytesMax as number;
  log.append(G1, hardState(1, 1, 0), entries(1, 5, 1, 200), NOOP);
  log.pin(G1, index(3));
  const write = (): void => {
    const next = log.last(G1) + 1;
    world.append(log, G1, entries(next, next + 4, 1, 200), hardState(1, 1, next));
    log.release(G1, log.last(G1), index(log.last(G1) + 1));
    log.tick();
  };
  while (log.retainedBytes < 2 * retained) write();
  expect(log.first(G1)).toBeLessThanOrEqual(3);
  log.roomIsScarce(true);
  log.tick();
  expect(log.retainedBytes).toBeLessThanOrEqual(retained);
  expect(log.first(G1)).toBeGreaterThan(3);
  // Nor are new ones held; once there is room again, they are.
  log.pin(G1, index(log.last(G1)));
  for (let at = 0; at < 200; at += 1) write();
  expect(log.retainedBytes).toBeLessThanOrEqual(retained + (SMALL.segmentBytes as number));
  log.roomIsScarce(false);
  log.pin(G1, index(log.last(G1)));
  while (log.retainedBytes < 2 * retained) write();
});

test("an idle group that is carried while its snapshot is sent keeps the entries behind it", () => {
  const { world, log } = opened();
  world.append(log, G1, entries(1, 8, 3), hardState(4, 9, 8));
  log.release(G1, index(8), index(9));
  log.pin(G1, index(6));
  fill(world, log, G2, 30, true);
  world.tick(log, 30);
  expect(log.stats.carries).toBeGreaterThanOrEqual(1);
  expect(log.retainedBytes).toBeLessThanOrEqual((SMALL.retainedBytesMax as number) + (SMALL.segmentBytes as number));
  expect(held(log, G1)).toEqual(texts(entries(6, 8, 3)));
});

test("the owner that is asked flushes, and the log shrinks again", () => {
  let log: Log | undefined;
  let asks = 0;
  const world = new World();
  log = world.open(SMALL, {
    onPressure: (groups) => {
      asks += 1;
      for (const group of groups) log?.release(group, (log as Log).last(group), index((log as Log).last(group) + 1));
    },
  });
  fill(world, log, G1, 40, false);
  expect(asks).toBeGreaterThan(1);
  expect(log.retainedBytes).toBeLessThanOrEqual((SMALL.retainedBytesMax as number) + (SMALL.segmentBytes as number));
});

test("idle groups are carried: their hard state, position and every live entry survive the segment they were in", () => {
  const { world, log } = opened();
  world.append(log, G1, entries(1, 8, 3), hardState(4, 9, 6));
  log.release(G1, index(5), index(6));
  // A group that has nothing but a vote.
  world.append(log, G3, [], hardState(7, 2, 0));
  for (let segments = 10; segments <= 60; segments += 10) {
    fill(world, log, G2, segments, true);
    world.tick(log, 30);
  }
  expect(log.stats.carries).toBeGreaterThanOrEqual(2);
  expect(log.retainedBytes).toBeLessThanOrEqual((SMALL.retainedBytesMax as number) + (SMALL.segmentBytes as number));
  world.disk.crash();
  const after = world.open();
  expect(after.recovered.get(G1)).toMatchObject({
    hardState: hardState(4, 9, 6),
    truncated: { index: 5, term: 3 },
    last: 8,
  });
  expect(held(after, G1)).toEqual(texts(entries(6, 8, 3)));
  expect(after.recovered.get(G3)).toMatchObject({
    hardState: hardState(7, 2, 0),
    truncated: { index: 0, term: 0 },
    last: 0,
  });
});

test("a group appended to while it is being carried keeps what was added", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const { world, log } = opened({}, seed);
    world.append(log, G1, entries(1, 8, 3), hardState(4, 9, 6));
    log.release(G1, index(5), index(6));
    fill(world, log, G2, 6, true);
    // Each tick may start a carry; an append comes in the middle of one, between any two steps.
    for (let i = 0; i < 30; i += 1) {
      world.schedule(50, () => log.tick());
      for (let steps = world.random(4); steps >= 0; steps -= 1) world.step();
      const next = log.last(G1) + 1;
      log.append(G1, undefined, entries(next, next, 4), NOOP);
      log.flush();
      const g2 = log.last(G2) + 1;
      log.append(G2, undefined, entries(g2, g2 + 4, 1, 200), NOOP);
      log.release(G2, log.last(G2), index(log.last(G2) + 1));
    }
    world.run();
    world.disk.crash();
    const after = world.open();
    expect(after.last(G1)).toBe(38);
    expect(held(after, G1).slice(-33)).toEqual([...texts(entries(6, 8, 3)), ...texts(entries(9, 38, 4))]);
  }
});

test("a crash while groups are carried and segments reused loses none of them", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { world, log } = opened({}, seed);
    const idle = Array.from({ length: 20 }, (_, i) => groupId(100 + i));
    for (const group of idle) {
      log.append(group, hardState(2, group, 3), entries(1, 5, 2), NOOP);
      log.release(group, index(3), index(4));
    }
    fill(world, log, G2, 7, true);
    for (let i = 0; i < 20; i += 1) {
      const next = log.last(G2) + 1;
      log.append(G2, hardState(1, 1, next), entries(next, next + 9, 1, 200), NOOP);
      log.release(G2, index(next - 1), index(next));
      log.tick();
      for (let steps = world.random(6); steps > 0; steps -= 1) world.step();
    }
    world.disk.crash(seed % 3 === 0 ? "process" : "power");
    const after = world.open();
    for (const group of idle) {
      expect(after.recovered.get(group)).toMatchObject({ hardState: hardState(2, group, 3), last: 5 });
      expect(held(after, group).slice(-2)).toEqual(texts(entries(4, 5, 2)));
    }
  }
});

test("an idle group too large to be carried is asked for again and again, and carried when it is small", () => {
  const asked: number[] = [];
  const { world, log } = opened({ onPressure: (groups) => groups.includes(G1) && asked.push(world.nowMs) });
  for (let at = 1; at <= 20; at += 5) world.append(log, G1, entries(at, at + 4, 1, 200), hardState(1, 1, 15));
  fill(world, log, G2, 10, true);
  world.tick(log, 60);
  expect(asked.length).toBeGreaterThanOrEqual(3);
  expect(log.first(G1)).toBe(1);
  log.release(G1, index(15), index(16));
  world.tick(log, 5);
  expect(log.first(G1)).toBe(16);
  world.disk.crash();
  expect(held(world.open(), G1)).toEqual(texts(entries(16, 20, 1)));
});

test("a removed group holds nothing back", () => {
  const { world, log } = opened();
  world.append(log, G1, entries(1, 8, 3), hardState(4, 9, 6));
  log.remove(G1, NOOP);
  fill(world, log, G2, 12, true);
  expect(log.first(G2)).toBeGreaterThan(1);
  expect(log.stats.carries).toBe(0);
});

test("a group whose entries are dropped while it is being carried keeps its position", () => {
  const { world, log } = opened();
  world.append(log, G1, entries(1, 20, 3), hardState(4, 9, 6));
  log.release(G1, index(2), index(3));
  fill(world, log, G2, 3, true);
  world.append(log, G1, entries(21, 40, 3), hardState(4, 9, 6));
  fill(world, log, G2, 7, true);
  // The carry reads from two segments. Between the reads the store flushes, and the first segment goes.
  let reads = 0;
  world.disk.beforeRequest = (request) => {
    reads += request === "read" ? 1 : 0;
    if (request !== "read" || reads !== 2) return;
    world.schedule(0, () => {
      log.release(G1, index(39), index(40));
      log.tick();
      expect(log.first(G1)).toBe(21);
    });
  };
  world.tick(log, 40);
  expect(reads).toBeGreaterThanOrEqual(2);
  fill(world, log, G2, 12, true);
  world.disk.crash();
  const after = world.open();
  expect(after.recovered.get(G1)?.truncated.term).toBe(3);
  expect(held(after, G1).at(-1)).toBe("40@3 3/40");
});
