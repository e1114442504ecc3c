import { keySlot } from "@sherd/client/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1, MATCH_STEPS_MAX, SCAN_PLACES_MAX, SMALL_SLOT_KEYS, slot, utf8Bytes } from "../base/index.ts";
import { encodeKeyPageRequest, KEY_PAGE, RANDOM_KEY, SHARD_KEYS, SLOT_KEYS } from "../machine/index.ts";
import { ShardLog, ShardReplica } from "./testing/shard.ts";

const numbered = (count: number, name: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => name(n));
const tagged = (n: number): string => `{user}:${String(n).padStart(4, "0")}`;
const TAGGED_SLOT = keySlot(utf8Bytes("user"));

function filled(...keys: string[]): { log: ShardLog; replica: ShardReplica } {
  const log = new ShardLog();
  for (let from = 0; from < keys.length; from += 100) {
    log.add(...keys.slice(from, from + 100).map((key) => `set ${key} v`));
  }
  const replica = new ShardReplica();
  replica.apply(log);
  return { log, replica };
}

test("a nearly empty shard is read at once, whatever number of slots it has", () => {
  const { replica } = filled("a", "b", "c");
  const page = replica.page(0);
  expect(page.texts.toSorted()).toEqual(["a", "b", "c"]);
  expect([page.examined, page.next]).toEqual([3, undefined]);
});

test("a page ends between slots when it has enough: nothing is to be remembered", () => {
  const { replica } = filled(...numbered(1_000, String));
  const pages: number[] = [];
  for (let at = 0; ; ) {
    const page = replica.page(at, { keysMax: 10 });
    pages.push(page.examined);
    if (page.next === undefined) break;
    expect(page.next.place).toBe(0);
    at = page.next.slot;
  }
  expect(pages.reduce((sum, count) => sum + count)).toBe(1_000);
  expect(Math.max(...pages)).toBeLessThan(20);
});

test("a small slot comes as a whole, one with more keys in portions, continued by number", () => {
  const small = filled(...numbered(SMALL_SLOT_KEYS, tagged)).replica;
  expect(small.page(0, { keysMax: 1 })).toMatchObject({ examined: SMALL_SLOT_KEYS, next: undefined });
  const { replica } = filled(...numbered(SMALL_SLOT_KEYS + 1, tagged));
  const page = replica.page(0, { keysMax: 7 });
  expect(page.texts).toEqual(numbered(7, tagged));
  expect(page.next).toMatchObject({ slot: TAGGED_SLOT });
  expect(replica.page(TAGGED_SLOT, { place: page.next?.place as number, keysMax: 7 }).texts).toEqual(
    numbered(14, tagged).slice(7),
  );
});

test("a number that is not known, or of another slot, begins the slot again; numbers that are too many are forgotten", () => {
  const { replica } = filled(...numbered(500, tagged), ...numbered(500, (n) => `{b}${n}`));
  const first = replica.page(TAGGED_SLOT, { keysMax: 5 });
  const place = first.next?.place as number;
  const stranger = new ShardReplica(2);
  expect(stranger.page(TAGGED_SLOT, { place }).texts).toEqual([]);
  expect(replica.page(TAGGED_SLOT, { place: place + 1, keysMax: 5 }).texts).toEqual(first.texts);
  for (let n = 0; n < SCAN_PLACES_MAX; n += 1) replica.page(TAGGED_SLOT, { keysMax: 1 });
  expect(replica.page(TAGGED_SLOT, { place, keysMax: 5 }).texts).toEqual(first.texts);
});

test("a slow walk ends beside quick ones: each has the place where it stands, and the one before", () => {
  const { replica } = filled(...numbered(300, tagged));
  const slow: string[] = [];
  let at = 0;
  const step = (place: number): number => {
    const page = replica.page(TAGGED_SLOT, { place, keysMax: 100 });
    slow.push(...page.texts);
    return page.next?.place ?? 0;
  };
  for (let reads = 0; reads < 3; reads += 1) {
    const last = at;
    at = step(at);
    // The answer was lost: asked again, it goes on from where it did.
    slow.splice(-100);
    at = step(last);
    for (let quick = 0, place = 0; quick < SCAN_PLACES_MAX; quick += 1) {
      place = replica.page(TAGGED_SLOT, { place, keysMax: 1 }).next?.place ?? 0;
    }
  }
  expect(slow).toEqual(numbered(300, tagged));
});

test("a pattern that is hard to match ends the read early, and the next goes on", () => {
  const keys = numbered(400, (n) => `{user}${"a".repeat(900)}${String(n).padStart(4, "0")}`);
  const { replica } = filled(...keys);
  const pattern = utf8Bytes(`*${"a".repeat(400)}b*`);
  const page = replica.page(TAGGED_SLOT, { keysMax: 400, pattern });
  expect(page.examined).toBeLessThan(10);
  expect(page.examined * 900 * 400).toBeGreaterThan(MATCH_STEPS_MAX / 2);
  expect(page.next?.place).toBeGreaterThan(0);
});

test("keys that have ended by log time are left out; by the clock alone, the read is to wait for log time", () => {
  const { log, replica } = filled("stays", "ends");
  log.add("pexpire ends 500");
  replica.apply(log);
  expect(replica.page(0).texts.toSorted()).toEqual(["ends", "stays"]);
  replica.clockMs = 1_500;
  const early = replica.read(
    KEY_PAGE,
    0,
    encodeKeyPageRequest({ place: 0, toSlot: slot(16383), keysMax: 9, pattern: undefined }),
  );
  expect(early.undecided).toBe(true);
  log.logTimeMs = 1_500;
  log.add("set stays w");
  replica.apply(log);
  expect(replica.page(0).texts).toEqual(["stays"]);
});

test("counts are those of the state, and a random key is one that there is", () => {
  const { log, replica } = filled(...numbered(50, tagged), "other");
  expect(replica.read(SHARD_KEYS, 0).reply).toEqual({ type: "integer", value: 51 });
  expect(replica.read(SLOT_KEYS, TAGGED_SLOT).reply).toEqual({ type: "integer", value: 50 });
  const drawn = new Set<string>();
  for (let n = 0; n < 400; n += 1) {
    const { reply } = replica.read(RANDOM_KEY, 0);
    drawn.add(reply.type === "bulk" ? latin1(reply.bytes) : reply.type);
  }
  expect([...drawn].toSorted()).toEqual(["other", ...numbered(50, tagged)].toSorted());
  log.add("flush");
  replica.apply(log);
  expect(replica.read(RANDOM_KEY, 0).reply).toEqual({ type: "nil" });
  expect(replica.read(SHARD_KEYS, 0).reply).toEqual({ type: "integer", value: 0 });
});

type Step =
  | { readonly do: "write"; readonly key: number; readonly delete: boolean }
  | { readonly do: "page" | "lead" | "crash" | "flush" | "events" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("write" as const), key: fc.nat(400), delete: fc.boolean() }) },
    { weight: 6, arbitrary: fc.constant<Step>({ do: "page" }) },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "lead" }, { do: "crash" }, { do: "flush" }, { do: "events" }) },
  ),
  { maxLength: 60 },
);

test("a walk over the keys sees every key that stays, whatever is written and whoever leads; it ends", () => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 40 }), (chosen, keysMax) => {
      const stays = [...numbered(150, (n) => tagged(n * 3)), ...numbered(30, (n) => `s${n}`)];
      const { log, replica } = filled(...stays);
      const replicas = [replica, new ShardReplica(2)];
      let leader = 0;
      const seen = new Set<string>();
      let at: { slot: number; place: number } | undefined = { slot: 0, place: 0 };
      const page = (): void => {
        if (at === undefined) return;
        const found = (replicas[leader] as ShardReplica).page(at.slot, { place: at.place, keysMax });
        for (const key of found.texts) seen.add(key);
        at = found.next;
      };
      for (const step of chosen) {
        const own = replicas[leader] as ShardReplica;
        if (step.do === "write") {
          const key = step.key % 3 === 0 ? `s${step.key}x` : tagged(step.key);
          log.add(step.delete ? `del ${key}` : `set ${key} v`);
        } else if (step.do === "lead") leader = 1 - leader;
        else if (step.do === "crash") replicas[leader] = own.crash();
        else if (step.do === "flush") own.world.store?.flush(() => undefined);
        else if (step.do === "events") own.world.elapse(250);
        (replicas[leader] as ShardReplica).apply(log);
        if (step.do === "page") page();
      }
      // From here on the leader stays.
      for (let left = 1_000; at !== undefined; left -= 1) {
        expect(left).toBeGreaterThan(0);
        page();
      }
      expect(stays.filter((key) => !seen.has(key))).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("a shard is emptied in one step: a crash at any moment finds it full or empty, and counts say what there is", () => {
  for (let crashAt = 0; crashAt < 40; crashAt += 2) {
    const log = new ShardLog();
    log.add(...numbered(700, (n) => `set k${n} v`));
    let replica = new ShardReplica();
    replica.apply(log);
    replica.world.store?.flush(() => undefined);
    log.add("set late v", "flush", "set after v", "incr k1");
    replica.world.step();
    replica.world.step();
    replica.apply(log);
    expect(replica.machine.keys).toBe(2);
    replica.world.store?.flush(() => undefined);
    for (let n = 0; n < crashAt; n += 1) replica.world.step();
    replica = replica.crash();
    const found = replica.keys();
    expect(found.length).toBe(replica.machine.keys);
    expect([0, 700, 2]).toContain(found.length);
    replica.apply(log);
    expect(replica.keys().toSorted()).toEqual(["after", "k1"]);
    expect(replica.machine.keys).toBe(2);
    replica.world.elapse(2_000);
    const again = replica.crash();
    expect(again.keys().toSorted()).toEqual(["after", "k1"]);
  }
});
