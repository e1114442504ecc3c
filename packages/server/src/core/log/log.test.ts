import { expect, test } from "vitest";
import { index, LOG_WRITE_HANG_MS, LOG_WRITE_SLOW_MS, term } from "../base/index.ts";
import { entries, entry, Fatal, G1, G2, G3, hardState, held, NOOP, SMALL, texts, World } from "./testing/world.ts";

test("an empty directory becomes a log without groups", () => {
  const world = new World();
  const log = world.open();
  expect(log.created).toBe(true);
  expect(log.recovered.size).toBe(0);
  expect(log.first(G1)).toBe(1);
  expect(log.last(G1)).toBe(0);
  world.run();
  expect(world.disk.paths()).toEqual(["log/00000001.segment", "log/00000002.segment"]);
});

test("what was acknowledged is there after a crash, with hard state, terms and positions", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, [entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 2, "c")], hardState(2, 7, 1));
  world.append(log, G2, [entry(1, 5, "x")], hardState(5, 8, 0));
  world.append(log, G1, [entry(4, 2, "")], hardState(2, 7, 3));
  world.disk.crash();

  const after = world.open();
  expect(after.created).toBe(false);
  expect(after.recovered.get(G1)).toEqual({
    group: G1,
    hardState: hardState(2, 7, 3),
    truncated: { index: 0, term: 0 },
    termRuns: [
      { first: 1, term: 1 },
      { first: 3, term: 2 },
    ],
    last: 4,
  });
  expect(after.recovered.get(G2)?.hardState).toEqual(hardState(5, 8, 0));
  expect(held(after, G1)).toEqual(["1@1 a", "2@1 b", "3@2 c", "4@2 "]);
  expect(held(after, G2)).toEqual(["1@5 x"]);
  expect(after.term(G1, index(2))).toBe(1);
  expect(after.term(G1, index(0))).toBe(0);
  expect(after.term(G1, index(5))).toBeUndefined();
});

test("while a write runs, all later appends gather into one more write, and complete in order", () => {
  const world = new World();
  const log = world.open();
  const before = log.stats.writes;
  const completed: string[] = [];
  log.append(G1, hardState(1, 1, 0), entries(1, 1, 1), () => completed.push("first"));
  log.flush();
  for (let i = 2; i <= 30; i += 1) {
    log.append(i % 2 === 0 ? G2 : G1, hardState(1, 1, 0), [entry(log.last(i % 2 === 0 ? G2 : G1) + 1, 1, "e")], () =>
      completed.push(String(i)),
    );
    log.flush();
  }
  expect(completed).toEqual([]);
  world.run();
  expect(completed).toEqual(["first", ...Array.from({ length: 29 }, (_, i) => String(i + 2))]);
  expect(log.stats.writes - before).toBe(2);
});

test("a conflicting suffix is replaced, at once and after a crash", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 10, 1), hardState(1, 1, 4));
  world.append(log, G1, [entry(6, 3, "new")], hardState(3, 2, 5));
  expect(log.last(G1)).toBe(6);
  expect(log.term(G1, index(7))).toBeUndefined();
  expect(texts(world.read(log, G1, 5, 7))).toEqual(["5@1 1/5", "6@3 new"]);
  world.disk.crash();
  expect(held(world.open(), G1)).toEqual(["1@1 1/1", "2@1 1/2", "3@1 1/3", "4@1 1/4", "5@1 1/5", "6@3 new"]);
});

test("entries that fill many segments are read back across them", () => {
  const world = new World();
  const log = world.open();
  for (let at = 1; at <= 600; at += 3) world.append(log, G1, entries(at, at + 2, 1, 100), hardState(1, 1, at));
  expect(log.stats.segments).toBeGreaterThan(4);
  expect(texts(world.read(log, G1, 1, 601))).toEqual(texts(entries(1, 600, 1)));
  world.disk.crash();
  expect(held(world.open(), G1)).toEqual(texts(entries(1, 600, 1)));
});

test("one append larger than a frame is split; a crash leaves a beginning of it with a commit that it reaches", () => {
  for (let seed = 1; seed <= 30; seed += 1) {
    const world = new World(seed);
    const log = world.open();
    world.append(log, G1, entries(1, 20, 1), hardState(1, 1, 10));
    log.append(G1, hardState(2, 1, 120), entries(15, 120, 2, 100), NOOP);
    log.flush();
    for (let i = seed % 7; i > 0; i -= 1) world.step();
    world.disk.crash();
    const after = world.open();
    const recovered = after.recovered.get(G1);
    const last = after.last(G1);
    const expected = [...texts(entries(1, 14, 1)), ...texts(entries(15, 120, 2))];
    if (recovered?.hardState.term === 1) expect(held(after, G1)).toEqual(texts(entries(1, 20, 1)));
    else expect(held(after, G1)).toEqual(expected.slice(0, last));
    expect(recovered?.hardState.commit).toBeLessThanOrEqual(last);
  }
});

test("a reset discards the entries and starts behind a position", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 10, 1), hardState(1, 1, 4));
  log.reset(G1, index(50), term(6), hardState(7, 2, 50), NOOP);
  world.append(log, G1, entries(51, 52, 7));
  expect(log.first(G1)).toBe(51);
  expect(log.term(G1, index(50))).toBe(6);
  world.disk.crash();
  const after = world.open();
  expect(after.recovered.get(G1)).toMatchObject({
    hardState: hardState(7, 2, 50),
    truncated: { index: 50, term: 6 },
    last: 52,
  });
  expect(held(after, G1)).toEqual(["51@7 7/51", "52@7 7/52"]);
});

test("a removed group is gone, and may begin anew", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 10, 1), hardState(1, 1, 4));
  world.append(log, G2, entries(1, 2, 1), hardState(1, 1, 1));
  log.remove(G1, NOOP);
  log.flush();
  world.run();
  world.disk.crash();
  const after = world.open();
  expect([...after.recovered.keys()]).toEqual([G2]);
  world.append(after, G1, entries(1, 1, 9), hardState(9, 1, 0));
  world.disk.crash();
  expect(held(world.open(), G1)).toEqual(["1@9 9/1"]);
});

test("a read stops at its bytes, gives at least one entry, and waits for what is not yet durable", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 10, 1, 100), hardState(1, 1, 0));
  expect(world.read(log, G1, 1, 11, 1)).toHaveLength(1);
  expect(world.read(log, G1, 1, 11, 375)).toHaveLength(3);
  expect(world.read(log, G1, 11, 12)).toEqual([]);
  expect(world.read(log, G3, 1, 2)).toEqual([]);
  log.append(G1, undefined, entries(11, 12, 1, 100), NOOP);
  log.flush();
  expect(texts(world.read(log, G1, 11, 13))).toEqual(["11@1 1/11", "12@1 1/12"]);
});

test("a read of entries that are replaced while it runs answers nothing", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 10, 1), hardState(1, 1, 0));
  let read: unknown;
  log.read(G1, index(8), index(11), 1000, (found) => {
    read = found;
  });
  log.append(G1, hardState(2, 1, 0), entries(9, 9, 2), NOOP);
  log.flush();
  world.run();
  expect(read).toEqual([]);
});

test("an idle log seals once", () => {
  const world = new World();
  const log = world.open();
  world.append(log, G1, entries(1, 1, 1), hardState(1, 1, 0));
  const before = log.stats.writes;
  world.tick(log, 100);
  expect(log.stats.writes - before).toBe(1);
});

test("a slow write is reported once, a hanging one ends the process", () => {
  const world = new World();
  const reports: number[] = [];
  const log = world.open(SMALL, { onSlowWrite: (ms) => reports.push(ms) });
  world.disk.hang();
  log.append(G1, hardState(1, 1, 0), entries(1, 1, 1), NOOP);
  log.flush();
  world.tick(log, LOG_WRITE_SLOW_MS / 50 - 1);
  expect(reports).toEqual([]);
  world.tick(log, 20);
  expect(reports).toEqual([expect.closeTo(LOG_WRITE_SLOW_MS, -2)]);
  world.disk.resume();
  world.run();
  expect(log.busy).toBe(false);
  world.disk.hang();
  log.append(G1, hardState(1, 1, 0), entries(2, 2, 1), NOOP);
  log.flush();
  expect(() => world.tick(log, LOG_WRITE_HANG_MS / 50 + 1)).toThrow(/SHERD_DISK_HANGS.*00000001\.segment/);
});

test("a pause of the whole process is not taken for a hanging disk", () => {
  const world = new World();
  const reports: number[] = [];
  const log = world.open(SMALL, { onSlowWrite: (ms) => reports.push(ms) });
  log.append(G1, hardState(1, 1, 0), entries(1, 1, 1), NOOP);
  log.flush();
  world.nowMs += 60_000;
  log.tick();
  world.run();
  expect(log.busy).toBe(false);
  expect(reports).toEqual([]);
});

test("a failed write ends the process", () => {
  const world = new World();
  const log = world.open();
  world.disk.failNext.write = true;
  log.append(G1, hardState(1, 1, 0), entries(1, 1, 1), NOOP);
  log.flush();
  expect(() => world.run()).toThrow(Fatal);
});

test("an entry larger than a frame ends the process with its size", () => {
  const world = new World();
  const log = world.open();
  expect(() => log.append(G1, hardState(1, 1, 0), entries(1, 1, 1, 5000), NOOP)).toThrow(
    /SHERD_LOG_ENTRY_TOO_LARGE.*5074/,
  );
});

test("close writes what was gathered and seals", () => {
  const world = new World();
  const log = world.open();
  const done: string[] = [];
  log.append(G1, hardState(1, 1, 0), entries(1, 3, 1), () => done.push("append"));
  log.close(() => done.push("close"));
  world.run();
  expect(done).toEqual(["append", "close"]);
  world.disk.crash();
  expect(world.open().last(G1)).toBe(3);
});
