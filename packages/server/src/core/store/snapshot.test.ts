import { describe, expect, test } from "vitest";
import { crc32, index, latin1, latin1Bytes, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNK_BYTES_MAX } from "../base/index.ts";
import type { SnapshotReader, Space, Stage } from "./index.ts";
import { chunksOf, flush, makeSpace, Owner, peek, put, read, restOf, spaceOf } from "./testing/steps.ts";
import { slotOf, World } from "./testing/world.ts";

/** Random bytes do not compress, so chunks are as long as what they carry. */
function noise(length: number, seed: number): string {
  let state = seed + 1;
  const bytes = Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
  return latin1(bytes);
}

const KEYS = 25;
const VALUE_BYTES = 100_000;

/** A space with about four chunks of rows, in a world of its own. */
function sender(): { world: World; space: Space } {
  const world = new World();
  const space = makeSpace(world);
  for (let i = 0; i < KEYS; i += 1) put(space, i + 1, { [`k${i}`]: noise(VALUE_BYTES, i) });
  space.putSystem("conf", latin1Bytes("of the sender"));
  space.applied(index(100));
  return { world, space };
}

const stageOf = (world: World, old: Space): Stage => world.get<Stage>((done) => world.store?.stage(old, done));
const add = (world: World, stage: Stage, chunk: Uint8Array): boolean =>
  world.get<boolean>((done) => stage.add(chunk, done));

/** A receiver whose old generation holds `k0` and `old`. */
function receiver(world = new World()): { world: World; old: Space } {
  const old = makeSpace(world);
  put(old, 5, { k0: "old value", old: "only here" });
  flush(world);
  return { world, old };
}

describe("reading a snapshot", () => {
  test("chunks are bounded, and what the space does meanwhile does not show", () => {
    const { world, space } = sender();
    const reader = world.get<SnapshotReader>((done) => world.store?.openSnapshot(space, done));
    expect(reader.applied).toBe(100);
    put(space, 101, { k0: "changed", added: "later" });
    flush(world);
    const chunks = restOf(world, reader);
    expect(chunks.length).toBeGreaterThanOrEqual(3);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(SNAPSHOT_CHUNK_BYTES + 2 * VALUE_BYTES);

    const { world: other, old } = receiver();
    const stage = stageOf(other, old);
    for (const chunk of chunks) expect(add(other, stage, chunk)).toBe(true);
    other.done((done) => stage.commit(done));
    expect(read(other, stage.space, "k0", "added")).toEqual([noise(VALUE_BYTES, 0), null]);
    expect(stage.space.appliedIndex).toBe(100);
  });

  test("a reader goes back and makes the same bytes again", () => {
    const { world, space } = sender();
    const reader = world.get<SnapshotReader>((done) => world.store?.openSnapshot(space, done));
    const chunks = restOf(world, reader);
    put(space, 101, { k1: "changed" });
    flush(world);
    reader.seek(1);
    const again = restOf(world, reader);
    expect(again.map((chunk) => crc32(chunk))).toEqual(chunks.slice(1).map((chunk) => crc32(chunk)));
    reader.seek(chunks.length);
    expect(restOf(world, reader)).toEqual([]);
    expect(() => reader.seek(chunks.length + 1)).toThrow("goes back");
  });

  test("what was applied before it was opened is in it, flushed or not", () => {
    const world = new World();
    const space = makeSpace(world);
    put(space, 1, { a: "1" });
    flush(world);
    put(space, 2, { a: "2" });
    const reader = world.get<SnapshotReader>((done) => world.store?.openSnapshot(space, done));
    expect(reader.applied).toBe(2);
  });

  test("a row larger than a chunk makes one larger chunk", () => {
    const world = new World();
    const space = makeSpace(world);
    put(space, 1, { a: "1", big: noise(3 * SNAPSHOT_CHUNK_BYTES, 1), c: "3" });
    const chunks = chunksOf(world, space);
    for (const chunk of chunks) expect(chunk.length).toBeLessThan(SNAPSHOT_CHUNK_BYTES_MAX);
    const { world: other, old } = receiver();
    const stage = stageOf(other, old);
    for (const chunk of chunks) expect(add(other, stage, chunk)).toBe(true);
    other.done((done) => stage.commit(done));
    expect(read(other, stage.space, "a", "c")).toEqual(["1", "3"]);
  });

  test("an empty space makes a snapshot, too", () => {
    const world = new World();
    const chunks = chunksOf(world, makeSpace(world));
    const { world: other, old } = receiver();
    const stage = stageOf(other, old);
    for (const chunk of chunks) expect(add(other, stage, chunk)).toBe(true);
    other.done((done) => stage.commit(done));
    expect(read(other, stage.space, "k0", "old")).toEqual([null, null]);
  });

  test("a damaged row stops the replica that sends instead of spreading", () => {
    const { world, space } = sender();
    flush(world);
    const rows = new Map(world.engine.crash().rows);
    const victim = [...rows.keys()].find((key) => key.charCodeAt(3) === space.id && key.endsWith("k7")) as string;
    const value = (rows.get(victim) as Uint8Array).slice();
    value[50] = (value[50] as number) ^ 1;
    rows.set(victim, value);
    const after = new World(undefined, { rows });
    const again = spaceOf(after);
    const owner = new Owner();
    again.setOwner(owner);
    const reader = after.get<SnapshotReader>((done) => after.store?.openSnapshot(again, done));
    const read: (Uint8Array | undefined)[] = [];
    const next = (): void =>
      reader.next((chunk) => {
        read.push(chunk);
        if (chunk !== undefined) next();
      });
    next();
    after.settle();
    expect(owner.damaged.map(({ code }) => code)).toEqual(["SHERD_ROW_DAMAGED"]);
    expect(read).not.toContain(undefined);
  });
});

describe("receiving a snapshot", () => {
  const { world: source, space } = sender();
  const chunks = chunksOf(source, space);

  test("the old rows serve until the switch, the new ones from there on, with their system rows", () => {
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    for (const chunk of chunks) {
      expect(read(world, old, "k0", "old", "k1")).toEqual(["old value", "only here", null]);
      expect(add(world, stage, chunk)).toBe(true);
    }
    expect(stage.chunks).toBe(chunks.length);
    stage.space.putSystem("conf", latin1Bytes("of the receiver"));
    let inTheEvent: readonly Space[] = [];
    stage.commit(() => {
      inTheEvent = world.store?.spaces ?? [];
    });
    world.settle();
    expect(inTheEvent).toEqual([stage.space]);
    expect(read(world, stage.space, "k0", "old")).toEqual([noise(VALUE_BYTES, 0), null]);
    put(stage.space, 101, { k0: "written behind the snapshot" });
    flush(world);

    const after = world.crash();
    const again = spaceOf(after);
    expect(again.appliedIndex).toBe(101);
    expect(latin1(again.system("conf") as Uint8Array)).toBe("of the receiver");
    expect(read(after, again, "k0", "k20", "old")).toEqual([
      "written behind the snapshot",
      noise(VALUE_BYTES, 20),
      null,
    ]);
    after.elapse(1_000);
    expect([...after.engine.crash().rows.keys()].filter((key) => key.charCodeAt(3) === old.id)).toEqual([]);
  });

  test("what the old generation has not flushed does not reach the new one", () => {
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    for (const chunk of chunks) add(world, stage, chunk);
    put(old, 6, { k0: "never to be seen again" });
    stage.commit(() => undefined);
    put(old, 7, { k1: "nor this" });
    world.settle();
    world.elapse(1_000);
    expect(read(world, stage.space, "k0", "k1")).toEqual([noise(VALUE_BYTES, 0), noise(VALUE_BYTES, 1)]);
    expect(world.store?.stats.memtableBytes).toBe(0);
  });

  test("its keys are known: what it brought is read, what it did not bring is not", () => {
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    for (const chunk of chunks) add(world, stage, chunk);
    world.done((done) => stage.commit(done));
    expect([peek(stage.space, "k0"), peek(stage.space, "k1")]).toEqual([undefined, undefined]);
    expect([peek(stage.space, "old"), peek(stage.space, "absent")]).toEqual([null, null]);
    expect(read(world, stage.space, "k0", "k1", "old")).toEqual([noise(VALUE_BYTES, 0), noise(VALUE_BYTES, 1), null]);
    expect(world.store?.stats.cacheMisses).toBe(2);
  });

  test("a fetch of the old generation that the switch overtakes is answered and brings nothing along", () => {
    const unfiltered = new World();
    unfiltered.open(undefined, undefined, { filtersBytesMax: 0 });
    const { world, old } = receiver(unfiltered);
    const stage = stageOf(world, old);
    for (const chunk of chunks) add(world, stage, chunk);
    // The engine answers with rows of the old generation, but the answer is held back until after the switch.
    const getMany = world.engine.getMany.bind(world.engine);
    let deliver: (() => void) | undefined;
    world.engine.getMany = (keys, done) =>
      getMany(keys, (values) => {
        deliver = () => done(values);
      });
    put(old, 6, { evicted: "from the old generation" });
    flush(world);
    let seen: unknown = "not answered";
    old.fetch([{ slot: slotOf("evicted"), key: "absent" }], (pins) => {
      seen = old.get(slotOf("evicted"), "absent");
      pins.release();
    });
    world.settle();
    expect(deliver).toBeDefined();
    world.done((done) => stage.commit(done));
    deliver?.();
    world.settle();
    expect(seen).toBe(undefined);
    world.engine.getMany = getMany;
    expect(() => old.fetch([], () => undefined)).toThrow("gone");
    expect(read(world, stage.space, "evicted", "absent", "k1")).toEqual([null, null, noise(VALUE_BYTES, 1)]);
    expect(world.store?.stats.memtableBytes).toBe(0);
  });

  const broken: [string, () => Uint8Array[]][] = [
    ["a flipped bit in a chunk", () => chunks.map((chunk, i) => (i === 1 ? flip(chunk, 1000) : chunk))],
    ["a flipped bit in a header", () => chunks.map((chunk, i) => (i === 1 ? flip(chunk, 12) : chunk))],
    ["a chunk cut short", () => chunks.map((chunk, i) => (i === 2 ? chunk.subarray(0, -1) : chunk))],
    ["a chunk left out", () => chunks.filter((_, i) => i !== 1)],
    ["an empty chunk", () => chunks.map((chunk, i) => (i === 0 ? new Uint8Array(0) : chunk))],
    [
      "a flipped bit in the totals",
      () => chunks.map((chunk, i) => (i === chunks.length - 1 ? flip(chunk, 25) : chunk)),
    ],
  ];
  const flip = (bytes: Uint8Array, at: number): Uint8Array => {
    const copy = bytes.slice();
    copy[at] = (copy[at] as number) ^ 4;
    return copy;
  };

  test.each(broken)("%s is refused, and the stage can be dropped without a trace", (_, make) => {
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    const answers = make().map((chunk) => add(world, stage, chunk));
    expect(answers).toContain(false);
    expect(answers.at(-1)).toBe(false);
    expect(() => stage.commit(() => undefined)).toThrow("whole");
    stage.drop();
    world.elapse(1_000);
    expect([...world.engine.crash().rows.keys()].filter((key) => key.charCodeAt(3) === stage.space.id)).toEqual([]);
    const after = world.crash();
    expect(read(after, spaceOf(after), "k0", "k1")).toEqual(["old value", null]);
  });

  test("totals that do not add up are refused though every chunk is sound", () => {
    const snapshotOf = (value: string): [Uint8Array, Uint8Array] => {
      const other = new World();
      const foreign = makeSpace(other);
      put(foreign, 1, { a: value });
      return chunksOf(other, foreign) as [Uint8Array, Uint8Array];
    };
    const [first, last] = snapshotOf("1");
    const [, otherLast] = snapshotOf("2");
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    expect(add(world, stage, first)).toBe(true);
    expect(add(world, stage, otherLast)).toBe(false);
    stage.drop();
    const again = stageOf(world, old);
    expect([first, last].map((chunk) => add(world, again, chunk))).toEqual([true, true]);
  });

  test("chunks that come again are acknowledged again, and several may wait", () => {
    const { world, old } = receiver();
    const stage = stageOf(world, old);
    expect(add(world, stage, chunks[0] as Uint8Array)).toBe(true);
    const answers: boolean[] = [];
    for (const i of [0, 1, 2, 1]) stage.add(chunks[i] as Uint8Array, (sound) => answers.push(sound));
    world.settle();
    expect(answers).toEqual([true, true, true, true]);
    expect(stage.chunks).toBe(3);
  });

  test("a crash at any step leaves the old generation or the new one, whole, and clears the other", () => {
    const small = new World();
    const source = makeSpace(small);
    const rows: Record<string, string> = {};
    for (let i = 0; i < 1_200; i += 1) rows[`k${i}`] = `new ${i}`;
    put(source, 100, rows);
    const chunks = chunksOf(small, source);
    let committedAt: number | undefined;
    let finished = false;
    let newSeen = 0;
    for (let crashAt = 0; !finished; crashAt += 1) {
      const { world, old } = receiver();
      let steps = 0;
      /** False: the crash is now. */
      const step = (): boolean => {
        steps += 1;
        if (steps <= crashAt) world.step();
        return steps <= crashAt;
      };
      const script = function* (): Generator<boolean> {
        let stage: Stage | undefined;
        world.store?.stage(old, (opened) => {
          stage = opened;
        });
        while (stage === undefined) yield step();
        for (const chunk of chunks) {
          let answered = false;
          stage.add(chunk, () => {
            answered = true;
          });
          while (!answered) yield step();
        }
        let committed = false;
        stage.commit(() => {
          committed = true;
        });
        while (!committed) yield step();
        committedAt ??= steps;
        for (let i = 0; i < 40; i += 1) {
          world.store?.tick();
          yield step();
        }
        finished = true;
      };
      for (const went of script()) if (!went) break;

      const after = world.crash();
      const [first, second] = after.open().spaces;
      expect(second).toBe(undefined);
      const survivor = first as Space;
      const isNew = survivor.id !== old.id;
      if (committedAt !== undefined && steps > committedAt) expect(isNew).toBe(true);
      newSeen += isNew ? 1 : 0;
      expect(survivor.appliedIndex).toBe(isNew ? 100 : 5);
      expect(read(after, survivor, "k0", "k20", "old")).toEqual(
        isNew ? ["new 0", "new 20", null] : ["old value", null, "only here"],
      );
      after.elapse(1_000);
      const spaces = new Set([...after.engine.crash().rows.keys()].map((key) => key.charCodeAt(3)));
      expect(spaces).toEqual(new Set([0, survivor.id]));
    }
    expect(newSeen).toBeGreaterThan(0);
  });
});
