import { beforeEach, describe, expect, test } from "vitest";
import {
  EXPIRY_BATCH_LONG_MS,
  EXPIRY_BATCH_SHORT_MS,
  EXPIRY_FULL_SWEEP_MS,
  EXPIRY_KEYS_PER_BATCH_MAX,
  EXPIRY_KEYS_PER_BATCH_MIN,
  EXPIRY_SWEEP_MS,
  EXPIRY_TURN_MS_MAX,
  groupId,
  latin1,
  slot,
} from "../base/index.ts";
import type { Ending, FetchUrgency, Pins, RowNeed, Space } from "../store/index.ts";
import { ActiveExpiry } from "./active-expiry.ts";
import { ExpiryTurns } from "./expiry-turns.ts";
import type { ReplicaHost, Request } from "./types.ts";

/** A leader whose store answers at once, and whose proposals are answered when the test says so. */
class World {
  leads = true;
  accepts = true;
  readonly group = groupId(1);
  /** Rows arrive at once, or when the test says so. */
  rowsArrive = true;
  readonly fetches: (() => void)[] = [];
  pinned = 0;
  readonly space = {
    fetch: (needs: readonly RowNeed[], done: (pins: Pins) => void, urgency: FetchUrgency): void => {
      expect(urgency).toBe("background");
      expect(needs.every(({ headOnly }) => headOnly)).toBe(true);
      const arrive = (): void => {
        this.pinned += 1;
        done({ release: () => (this.pinned -= 1) });
      };
      if (this.rowsArrive) arrive();
      else this.fetches.push(arrive);
    },
  } as Space;
  readonly machine = { expiringKeys: 1 };
  nowMs = 0;
  clockMs = 1_000_000;
  index: Ending[] = [];
  readonly asked: (number | Ending)[] = [];
  readonly proposed: Request[] = [];
  readonly turns: ExpiryTurns;
  readonly expiry: ActiveExpiry;

  constructor(turns: ExpiryTurns = new ExpiryTurns()) {
    this.turns = turns;
    const ended = (
      _: Space,
      from: number | Ending,
      untilMs: number,
      keysMax: number,
      done: (endings: readonly Ending[]) => void,
    ): void => {
      this.asked.push(from);
      const at = typeof from === "number" ? 0 : this.index.indexOf(from) + 1;
      const due = this.index.slice(at).filter(({ endsAtMs }) => endsAtMs <= untilMs);
      done((typeof from === "number" ? due.filter(({ endsAtMs }) => endsAtMs >= from) : due).slice(0, keysMax));
    };
    const host = {
      env: { wallMs: () => this.clockMs, monotonicMs: () => this.nowMs },
      store: { ended },
      activeExpiry: true,
      expiryTurns: turns,
    };
    this.expiry = new ActiveExpiry(host as unknown as ReplicaHost, this);
  }

  submitWrite(request: Request): void {
    this.proposed.push(request);
  }

  add(...endings: [string, number][]): void {
    for (const [key, endsAtMs] of endings) this.index.push({ key, slot: slot(1), endsAtMs });
    this.index.sort((left, right) => left.endsAtMs - right.endsAtMs);
  }

  tick(ms: number): string[] {
    this.nowMs += ms;
    this.expiry.tick(this.nowMs);
    return this.proposed.map(({ args }) => latin1(args[0] as Uint8Array));
  }

  /** `tookMs` passes from the first to the last. */
  applied(tookMs = 0): void {
    const requests = this.proposed.splice(0);
    const keys = new Set(requests.map(({ args }) => latin1(args[0] as Uint8Array)));
    this.index = this.index.filter(({ key }) => !keys.has(key));
    for (const [at, request] of requests.entries()) {
      if (at === requests.length - 1) this.nowMs += tookMs;
      request.complete({ type: "simple", text: "OK" });
    }
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

test("a leader removes what has ended by its clock, and nothing else", () => {
  world.add(["gone", 999_000], ["now", 1_000_000], ["later", 1_000_001]);
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual(["gone", "now"]);
  world.applied();
  world.clockMs += 1;
  expect(world.tick(EXPIRY_SWEEP_MS - 1)).toEqual([]);
  expect(world.tick(1)).toEqual(["later"]);
});

test("where no key ends, the store is not asked", () => {
  world.machine.expiringKeys = 0;
  world.tick(EXPIRY_SWEEP_MS);
  expect(world.asked).toEqual([]);
});

test("a follower removes nothing", () => {
  world.add(["gone", 1]);
  world.leads = false;
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual([]);
  expect(world.asked).toEqual([]);
});

/** Sizes of the batches, when applying each takes so long. */
function batches(count: number, tookMs: number): number[] {
  const sizes: number[] = [];
  for (let batch = 0; batch < count; batch += 1) {
    world.tick(EXPIRY_SWEEP_MS);
    sizes.push(world.proposed.length);
    // One at a time; how long it waits for the log says nothing about it.
    world.tick(1_000);
    expect(world.proposed).toHaveLength(sizes[batch] as number);
    world.applied(tookMs);
  }
  return sizes;
}

test("many that end at once are removed in batches, whose size follows the time that they take", () => {
  world.add(...Array.from({ length: 20_000 }, (_, n): [string, number] => [`k${n}`, 1]));
  expect(batches(4, EXPIRY_BATCH_SHORT_MS - 1)).toEqual([1, 2, 4, 8].map((n) => n * EXPIRY_KEYS_PER_BATCH_MIN));
  expect(batches(2, EXPIRY_BATCH_LONG_MS)).toEqual([16, 16].map((n) => n * EXPIRY_KEYS_PER_BATCH_MIN));
  expect(batches(2, EXPIRY_BATCH_LONG_MS + 1)).toEqual([16, 8].map((n) => n * EXPIRY_KEYS_PER_BATCH_MIN));
  expect(batches(8, 0).at(-1)).toBe(EXPIRY_KEYS_PER_BATCH_MAX);
  expect(batches(8, 1_000).at(-1)).toBe(EXPIRY_KEYS_PER_BATCH_MIN);
});

test("a sweep begins at the log time that the one before saw flushed; now and then at the first moment", () => {
  world.expiry.flushed(500);
  world.tick(EXPIRY_SWEEP_MS);
  world.expiry.flushed(600);
  world.tick(EXPIRY_SWEEP_MS);
  world.tick(EXPIRY_SWEEP_MS);
  expect(world.asked).toEqual([0, 500, 600]);
  world.tick(EXPIRY_FULL_SWEEP_MS);
  expect(world.asked.at(-1)).toBe(0);
});

test("what could not be removed is looked for again", () => {
  world.expiry.flushed(500);
  world.add(["lost", 1], ["refused", 2]);
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual(["lost", "refused"]);
  world.proposed.splice(0, 1)[0]?.complete({ type: "error", kind: "INDETERMINATE", text: "" });
  world.proposed.splice(0, 1)[0]?.giveBack?.();
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual(["lost", "refused"]);
});

test("who leads again begins anew, and hears nothing of what was asked before", () => {
  world.expiry.flushed(500);
  world.add(["gone", 1]);
  world.tick(EXPIRY_SWEEP_MS);
  const before = world.proposed.splice(0);
  world.expiry.leadershipLost();
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual(["gone"]);
  for (const request of before) request.giveBack?.();
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual(["gone"]);
  expect(world.asked).toEqual([0, 0]);
});

test("rows are in memory before their removal is proposed, and stay there until it is applied", () => {
  world.rowsArrive = false;
  world.add(["a", 1], ["b", 2]);
  expect(world.tick(EXPIRY_SWEEP_MS)).toEqual([]);
  world.fetches.pop()?.();
  expect(world.tick(0)).toEqual(["a", "b"]);
  expect(world.pinned).toBe(1);
  world.applied();
  expect(world.pinned).toBe(0);
});

test("rows that arrive after the leadership has ended are let go", () => {
  world.rowsArrive = false;
  world.add(["a", 1]);
  world.tick(EXPIRY_SWEEP_MS);
  world.expiry.leadershipLost();
  world.fetches.pop()?.();
  expect([world.tick(0), world.pinned]).toEqual([[], 0]);
});

test("what was proposed by a leader of before keeps its rows until it is answered", () => {
  world.add(["a", 1]);
  world.tick(EXPIRY_SWEEP_MS);
  world.expiry.leadershipLost();
  expect(world.pinned).toBe(1);
  world.applied();
  expect(world.pinned).toBe(0);
});

describe("the shards of a node remove one after the other", () => {
  let others: World[];
  beforeEach(() => {
    others = [world, new World(world.turns), new World(world.turns)];
    for (const [at, each] of others.entries()) each.add([`k${at}`, 1]);
  });

  const tick = (ms: number): string[] => others.flatMap((each) => each.tick(ms));

  test("in the order in which they asked", () => {
    expect(tick(EXPIRY_SWEEP_MS)).toEqual(["k0"]);
    others[0]?.applied();
    expect(tick(0)).toEqual(["k1"]);
    others[1]?.applied();
    expect(tick(0)).toEqual(["k2"]);
  });

  test("one that does not lead any more, or may not remove, leaves the turn to the next", () => {
    tick(EXPIRY_SWEEP_MS);
    (others[1] as World).accepts = false;
    world.expiry.leadershipLost();
    world.proposed.length = 0;
    world.leads = false;
    expect(tick(0)).toEqual(["k2"]);
  });

  test("a batch that does not end holds up its own shard alone", () => {
    tick(EXPIRY_SWEEP_MS);
    expect(tick(EXPIRY_TURN_MS_MAX - 1)).toEqual(["k0"]);
    expect(tick(1)).toEqual(["k0", "k1"]);
    // Its end is not the end of the other's turn.
    others[0]?.applied();
    expect(tick(0)).toEqual(["k1"]);
    others[1]?.applied();
    expect(tick(0)).toEqual(["k2"]);
  });
});
