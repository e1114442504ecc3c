import { expect, test } from "vitest";
import {
  CHEAP_READ_ARGS_MAX,
  CLIENT_READS_WORK_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  READ_PASS_MS,
  READS_PER_CLOCK_LOOK,
  REQUEST_MS_MAX,
  slot,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { ServingWorld } from "./testing/serving-world.ts";
import type { Request, Rerouted } from "./types.ts";

/** Values of which BITCOUNT, and so each turn, costs much; and small ones. */
class World extends ServingWorld {
  constructor(...large: readonly string[]) {
    super();
    for (const key of large) this.write(`setrange ${key} ${VALUE_BYTES_MAX - 1} a`);
    this.write("set small v");
  }

  /** Commands of one client, `get small` or `bitcount` of a large key. */
  of(client: number, lines: readonly string[], rest: Partial<Request> = {}): Rerouted[] {
    return lines.map((line) => {
      const [command, key] = line.split(" ") as [string, string];
      return this.read(key, rest.stale === true, command, { client, ...rest });
    });
  }

  serve(...reads: readonly Rerouted[]): void {
    this.serving.serve(reads, false);
  }

  /** What is answered in the pass that comes next. */
  pass(): string[] {
    const before = this.answered.length;
    this.turns.run();
    return this.answered.slice(before);
  }
}

test("a pass runs what fits into its time; the rest has its turn in the next ones, in order", () => {
  const keys = ["a", "b", "c", "d", "e"];
  const world = new World(...keys);
  world.answerMs = READ_PASS_MS / 2;
  world.serve(
    ...world.of(
      1,
      keys.map((key) => `bitcount ${key}`),
    ),
  );
  expect(world.answered).toEqual([]);
  expect(world.serving.open).toBe(5);
  expect(world.pass()).toEqual(["a=3", "b=3"]);
  expect(world.serving.open).toBe(3);
  expect(world.pass()).toEqual(["c=3", "d=3"]);
  expect(world.turns.idle).toBe(false);
  expect(world.pass()).toEqual(["e=3"]);
  expect(world.turns.idle).toBe(true);
  expect(world.serving.open).toBe(0);
});

test("one read has its turn in each pass, however long it takes", () => {
  const world = new World("a", "b");
  world.answerMs = 100 * READ_PASS_MS;
  world.serve(...world.of(1, ["bitcount a", "bitcount b"]));
  expect(world.pass()).toEqual(["a=3"]);
  expect(world.pass()).toEqual(["b=3"]);
});

test("clients take turns: nobody waits behind all that another has sent", () => {
  const world = new World("a", "b");
  world.serve(
    ...world.of(
      1,
      Array.from({ length: 5 }, () => "bitcount a"),
    ),
    ...world.of(2, ["bitcount b"]),
  );
  expect(world.pass()).toEqual(["a=3", "b=3", "a=3", "a=3", "a=3", "a=3"]);
});

test("a read that costs little passes those of other clients, and stands behind its own client's", () => {
  const world = new World("a");
  world.serve(...world.of(1, ["get small", "bitcount a", "get small"]), ...world.of(2, ["get small"]));
  expect(world.answered).toEqual(["small=v", "small=v"]);
  expect(world.pass()).toEqual(["a=3", "small=v"]);
  // Nothing of its client waits any more.
  world.serve(...world.of(1, ["get small"]));
  expect(world.answered).toHaveLength(5);
});

test("a small value costs little, whatever the command", () => {
  const world = new World("a");
  world.serve(...world.of(1, ["bitcount small", "bitcount nothing"]));
  expect(world.answered).toEqual(["small=5", "nothing=0"]);
});

test("a client that is not known stands alone", () => {
  const world = new World("a");
  world.serve(world.read("a", false, "bitcount"), world.read("small"));
  expect(world.answered).toEqual(["small=v"]);
  expect(world.pass()).toEqual(["a=3"]);
});

test("a read that waited sees the newest state, and what its client sent behind it no older one", () => {
  const world = new World("a");
  world.serve(...world.of(1, ["bitcount a", "get small"]));
  world.write("set a \xff");
  world.write("set small w");
  // Not told to have been tried again: nothing that was sent behind it has its answer.
  expect(world.pass()).toEqual(["a=8", "small=w"]);
});

test("rows that are not in memory are fetched in their turn; then the read costs what they do", () => {
  const world = new World("a");
  world.forget("a");
  world.serve(...world.of(1, ["bitcount a", "get small"]));
  // What stood behind it is answered before it.
  expect(world.pass()).toEqual(["small=v"]);
  world.fetched();
  expect(world.pinned).toBe(1);
  world.write("set a \xff");
  expect(world.pass()).toEqual(["!a=8"]);
  expect(world.pinned).toBe(0);
});

test("who leads no more gives back what waits for its turn, but for reads that may be stale", () => {
  const world = new World("a");
  world.serve(...world.of(1, ["bitcount a", "get small"]));
  world.serving.serve(world.of(2, ["bitcount a"], { stale: true }), true);
  const given = world.serving.takeLinearizable();
  expect(given.map(({ request }) => request.spec.name)).toEqual(["bitcount", "get"]);
  expect(world.serving.open).toBe(1);
  expect(world.pass()).toEqual(["a=3"]);
  expect(world.serving.open).toBe(0);
});

test("who stops gives back all, with what was pinned for it", () => {
  const world = new World("a");
  world.forget("a");
  world.serving.serve(world.of(2, ["bitcount a", "get small"], { stale: true }), true);
  world.pass();
  world.fetched();
  expect(world.pinned).toBe(1);
  expect(world.serving.takeAll()).toHaveLength(1);
  expect(world.pinned).toBe(0);
  expect(world.serving.open).toBe(0);
  expect(world.pass()).toEqual([]);
});

test("given back in the middle of a pass, by what a reply brings about, nothing is answered twice or lost", () => {
  const world = new World("a");
  let given: Rerouted[] = [];
  const [first, ...others] = world.of(1, ["bitcount a", "bitcount a", "get small"]) as [Rerouted, ...Rerouted[]];
  const complete = (): void => {
    given = world.serving.takeLinearizable();
    world.serve(...world.of(1, ["bitcount a"]));
  };
  world.serve({ ...first, request: { ...first.request, complete } }, ...others);
  expect(world.pass()).toEqual(["a=3"]);
  expect(given).toHaveLength(2);
  expect(world.turns.idle).toBe(true);
});

test("what a client has here is bounded: beyond it its connection is told to ask again", () => {
  const world = new World("a");
  const postponed: number[] = [];
  const fit = Math.floor(CLIENT_READS_WORK_BYTES_MAX / (VALUE_BYTES_MAX + 4 * 1024));
  const reads = world.of(
    1,
    Array.from({ length: fit + 2 }, () => "bitcount a"),
    { postpone: (bytes) => void postponed.push(bytes) },
  );
  world.serve(...reads, ...world.of(2, ["bitcount a"], { postpone: () => expect.fail("it has nothing else here") }));
  expect(postponed).toHaveLength(2);
  // Its connection, which asks for as many bytes of replies as it may hold, asks for as many reads as may be here.
  expect(Math.floor(CONNECTION_OUTPUT_BYTES_MAX / (postponed[0] as number))).toBe(fit);
  expect(world.serving.open).toBe(fit + 1);
  expect(world.pass()).toHaveLength(fit + 1);
  world.serve(...reads.slice(fit));
  expect(world.pass()).toHaveLength(2);
  expect(postponed).toHaveLength(2);
});

test("a read that nobody waits for any more is not run", () => {
  const world = new World("a");
  const postponed: string[] = [];
  const unwanted = { unwanted: true, postpone: () => void postponed.push("unwanted") };
  world.serve(...world.of(1, ["bitcount a", "get small"], unwanted), ...world.of(2, ["bitcount a"]));
  expect(world.pass()).toEqual(["a=3"]);
  expect(postponed).toEqual(["unwanted", "unwanted"]);
  expect(world.serving.open).toBe(0);
});

test("what another node forwarded goes back to it when it has given up waiting", () => {
  const world = new World("a");
  const given: string[] = [];
  world.serve(...world.of(1, ["bitcount a", "bitcount a"], { giveBack: () => void given.push("back") }));
  world.answerMs = REQUEST_MS_MAX + 1;
  expect(world.pass()).toEqual(["a=3"]);
  expect(world.pass()).toEqual([]);
  expect(given).toEqual(["back"]);
});

test("reads that cost little have their time, too: what does not fit into a pass waits, in order", () => {
  const world = new World();
  world.answerMs = READ_PASS_MS / READS_PER_CLOCK_LOOK;
  const count = 4 * READS_PER_CLOCK_LOOK;
  const answered: number[] = [];
  const reads = Array.from({ length: count }, (_, n) => {
    const read = world.read("small", false, "get", { client: 1 + (n % 3) });
    const complete = (): void => {
      world.passMs += world.answerMs;
      answered.push(n);
    };
    return { ...read, request: { ...read.request, complete } };
  });
  world.serve(...reads);
  expect(answered).toHaveLength(2 * READS_PER_CLOCK_LOOK);
  for (let passes = 0; !world.turns.idle; passes += 1) {
    expect(passes).toBeLessThan(4);
    world.pass();
  }
  for (const client of [0, 1, 2]) {
    const own = answered.filter((n) => n % 3 === client);
    expect(own).toEqual([...own].sort((left, right) => left - right));
  }
  expect(new Set(answered).size).toBe(count);
});

test("a pass is asked for when something begins to wait", () => {
  const world = new World("a");
  world.serve(...world.of(1, ["get small", "bitcount small"]));
  expect(world.passes).toBe(0);
  world.serve(...world.of(1, ["bitcount a", "bitcount a"]));
  expect(world.passes).toBe(1);
});

test("many keys cost much without any value", () => {
  const world = new World();
  const args = Array.from({ length: CHEAP_READ_ARGS_MAX }, () => new TextEncoder().encode("small"));
  const read = world.read("small", false, "exists", { client: 1, slot: slot(7), args });
  world.serve({ ...read, args });
  expect(world.answered).toEqual([]);
  expect(world.pass()).toHaveLength(1);
});
