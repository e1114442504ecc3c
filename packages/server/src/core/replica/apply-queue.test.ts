import { expect, test } from "vitest";
import { index, SherdError, slot, term } from "../base/index.ts";
import type { StateMachine } from "../machine/index.ts";
import { type Entry, EntryKind } from "../raft/index.ts";
import type { RowKey, Space } from "../store/index.ts";
import { ApplyQueue } from "./apply-queue.ts";

const key = (name: string): RowKey => ({ slot: slot(0), key: name });
const entry = (at: number): Entry => ({
  index: index(at),
  term: term(1),
  kind: EntryKind.normal,
  data: new Uint8Array([1]),
});

/** Rows in memory: those that are pinned, and one other. Entries need the rows of `needs`. */
class World {
  readonly pinned: Map<string, number> = new Map();
  unpinned: string | undefined;
  needs: readonly RowKey[] = [];
  readonly answers: (() => void)[] = [];
  ready = 0;
  /** How often the state machine was asked what an entry misses. */
  looked = 0;
  readonly space = {
    losses: 0,
    fetch: (keys: readonly RowKey[], done: (pins: { release(): void }) => void) => this.#fetch(keys, done),
  };
  readonly machine = {
    missing: () => {
      this.looked += 1;
      return this.needs.filter(({ key: name }) => !this.has(name));
    },
    missingNothingLasts: true,
    nothingMissing: () => undefined,
  };
  readonly queue: ApplyQueue;

  constructor() {
    this.queue = new ApplyQueue(this.space as unknown as Space, this.machine as unknown as StateMachine, () => {
      this.ready += 1;
    });
  }

  has(name: string): boolean {
    return this.unpinned === name || (this.pinned.get(name) ?? 0) > 0;
  }

  #fetch(keys: readonly RowKey[], done: (pins: { release(): void }) => void): void {
    for (const { key: name } of keys) this.pinned.set(name, (this.pinned.get(name) ?? 0) + 1);
    const release = (): void => {
      for (const { key: name } of keys) {
        this.pinned.set(name, (this.pinned.get(name) as number) - 1);
        this.unpinned = name;
      }
    };
    this.answers.push(() => done({ release }));
  }
}

test("rows that do not fit into the cache together are gathered until their entry can be applied", () => {
  const world = new World();
  world.needs = [key("a"), key("b")];
  world.unpinned = "b";
  world.queue.prefetch(entry(1));
  // What was resident when the entry came has been evicted by the time it is its turn.
  world.unpinned = "x";
  world.answers.shift()?.();
  world.queue.push([entry(1)]);
  for (let tries = 0; world.queue.next() === undefined; tries += 1) {
    expect(tries).toBeLessThan(2);
    world.answers.shift()?.();
  }
  world.queue.applied(index(1));
  expect([...world.pinned.values()]).toEqual([0, 0]);
});

test("an entry whose rows are on their way holds back those behind it", () => {
  const world = new World();
  world.needs = [key("a")];
  world.queue.push([entry(1), entry(2)]);
  expect(world.queue.next()).toBeUndefined();
  expect(world.queue.next()).toBeUndefined();
  expect(world.answers).toHaveLength(1);
  world.answers.shift()?.();
  expect(world.ready).toBe(1);
  expect(world.queue.next()?.index).toBe(1);
});

test("a queue that was closed keeps nothing pinned, whenever the rows come", () => {
  const world = new World();
  world.needs = [key("a")];
  world.queue.prefetch(entry(1));
  world.queue.prefetch(entry(2));
  world.answers.shift()?.();
  world.queue.close();
  world.answers.shift()?.();
  expect([...world.pinned.values()]).toEqual([0]);
});

test("an entry that cannot be read is reported when it is to be applied, not when it is appended", () => {
  const unreadable = new SherdError("SHERD_ENTRY_UNREADABLE", "shard 1, index 2: version 9.");
  const machine = {
    missing: (): RowKey[] => {
      throw unreadable;
    },
  };
  const queue = new ApplyQueue({} as Space, machine as unknown as StateMachine, () => {});
  queue.prefetch(entry(2));
  queue.push([entry(2)]);
  expect(() => queue.next()).toThrow(unreadable);
});

test("an entry whose rows were all there when it was appended is not looked at again", () => {
  const world = new World();
  world.queue.prefetch(entry(1));
  world.queue.push([entry(1)]);
  expect(world.queue.next()?.index).toBe(1);
  expect(world.looked).toBe(1);
});

test.each([
  ["something was let go", (world: World) => (world.space.losses += 1)],
  ["another entry took its place", (world: World) => world.queue.push([{ ...entry(1), term: term(2) }])],
])("it is looked at again if meanwhile %s", (_, happen) => {
  const world = new World();
  world.queue.prefetch(entry(1));
  happen(world);
  world.needs = [key("a")];
  world.queue.push([entry(1)]);
  expect(world.queue.next()).toBeUndefined();
  expect(world.looked).toBe(2);
  world.answers.shift()?.();
  expect(world.queue.next()?.index).toBe(1);
});

test("an entry with a command that is judged by the state before it is always looked at again", () => {
  const world = new World();
  world.machine.missingNothingLasts = false;
  world.queue.prefetch(entry(1));
  world.queue.push([entry(1)]);
  expect(world.queue.next()?.index).toBe(1);
  expect(world.looked).toBe(2);
});
