import fc from "fast-check";
import { expect, test } from "vitest";
import { type GroupId, groupId, index, term } from "../base/index.ts";
import type { Entry } from "../raft/index.ts";
import type { Log } from "./index.ts";
import { apply, difference, lastOf, type Model, type Operation, partsOf, released } from "./testing/model.ts";
import { entries, hardState, SMALL, texts, World } from "./testing/world.ts";

/** What happens next, in numbers that are made to fit the state the log is in. */
type Step =
  | {
      readonly do: "append";
      readonly group: number;
      readonly overlap: number;
      readonly count: number;
      readonly bytes: number;
    }
  | { readonly do: "vote" | "remove" | "read"; readonly group: number }
  | { readonly do: "reset"; readonly group: number; readonly ahead: number }
  | { readonly do: "release"; readonly group: number; readonly wantedBefore: number }
  | { readonly do: "pin"; readonly group: number; readonly before: number | undefined }
  | { readonly do: "flush" }
  | { readonly do: "tick" }
  | { readonly do: "kill" }
  | { readonly do: "powerLoss" }
  | { readonly do: "events"; readonly count: number };

const group = fc.integer({ min: 0, max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      group,
      overlap: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 20 }) },
      ),
      count: fc.integer({ min: 1, max: 25 }),
      bytes: fc.constantFrom(10, 100, 400, 1500),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("vote" as const), group }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), group }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("read" as const), group }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("reset" as const), group, ahead: fc.integer({ min: 0, max: 50 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("release" as const), group, wantedBefore: fc.integer({ min: 0, max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("pin" as const),
      group,
      before: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("flush" as const) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("tick" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("events" as const), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("powerLoss" as const) }) },
);

/** Files that a start may find made, and never used. */
const FILES_AHEAD_MAX = 2;

/** A log, its owner, and what the owner may rely on. */
class Owner {
  readonly world: World;
  log: Log;
  /** After all operations that were acknowledged. */
  durable: Model = new Map();
  /** Not yet acknowledged. */
  pending: Operation[] = [];
  term = 1;
  carries = 0;
  reused = 0;
  restarts = 0;
  #filesAtOpen = 0;

  constructor(seed: number) {
    this.world = new World(seed);
    this.log = this.world.open(SMALL);
  }

  /** As the owner sees it: with everything it has asked for. */
  get now(): Model {
    return this.pending.reduce(apply, this.durable);
  }

  run(what: Step): void {
    if (what.do === "flush") this.log.flush();
    else if (what.do === "tick") {
      this.world.nowMs += 50;
      this.log.tick();
    } else if (what.do === "events") for (let i = 0; i < what.count; i += 1) this.world.step();
    else if (what.do === "kill") this.restart("process");
    else if (what.do === "powerLoss") this.restart("power");
    else this.#runOn(groupId(what.group), what);
  }

  #runOn(id: GroupId, what: Extract<Step, { group: number }>): void {
    const state = this.now.get(id);
    const last = lastOf(state);
    this.term += 1;
    const voted = hardState(this.term, id, Math.floor(last / 2));
    if (what.do === "append") {
      const keep = Math.max(last - what.overlap, state?.durable ?? 0, state?.start.index ?? 0);
      const added = entries(keep + 1, keep + what.count, this.term, what.bytes);
      this.#do({ kind: "append", group: id, hardState: hardState(this.term, id, keep + what.count), entries: added });
    } else if (what.do === "vote") {
      this.#do({ kind: "append", group: id, hardState: voted, entries: [] });
    } else if (what.do === "remove") {
      if (state !== undefined) this.#do({ kind: "remove", group: id });
    } else if (what.do === "reset") {
      this.#do({ kind: "reset", group: id, hardState: voted, at: last + what.ahead, term: this.term });
    } else if (what.do === "release") {
      // The store holds only what is committed, so what was acknowledged here and not replaced since.
      const sure = Math.min(lastOf(this.durable.get(id)), last);
      const conflicting = this.pending.some((operation) => operation.group === id);
      if (state === undefined || conflicting || sure < state.durable) return;
      this.durable = released(this.durable, id, sure);
      this.log.release(id, index(sure), index(Math.max(1, sure - what.wantedBefore)));
    } else if (what.do === "pin") {
      this.log.pin(id, what.before === undefined ? undefined : index(Math.max(1, last - what.before)));
    } else {
      this.#read(id, last);
    }
  }

  #do(operation: Operation): void {
    this.pending.push(operation);
    const done = (): void => {
      expect(this.pending[0], "operations complete in the order in which they were asked for").toBe(operation);
      this.pending.shift();
      this.durable = apply(this.durable, operation);
    };
    if (operation.kind === "append") this.log.append(operation.group, operation.hardState, operation.entries, done);
    else if (operation.kind === "remove") this.log.remove(operation.group, done);
    else this.log.reset(operation.group, index(operation.at), term(operation.term), operation.hardState, done);
  }

  #read(id: GroupId, last: number): void {
    const log = this.log;
    const from = Math.max(1, last - this.world.random(30));
    log.read(id, index(from), index(last + 1), 1 + this.world.random(5000), (read: Entry[]) => {
      if (read.length === 0) return;
      const state = this.now.get(id);
      const expected =
        state?.entries.slice(from - 1 - state.start.index, from - 1 - state.start.index + read.length) ?? [];
      expect(texts(read)).toEqual(texts(expected));
    });
  }

  /** Whatever is there must be all that was acknowledged, and of the rest a beginning. */
  restart(crash: "process" | "power"): void {
    this.carries += this.log.stats.carries;
    const filesMade = this.world.disk.paths().length - this.#filesAtOpen;
    this.reused += Math.max(0, this.log.stats.segments - filesMade - FILES_AHEAD_MAX);
    this.restarts += 1;
    this.world.disk.crash(crash);
    this.log = this.world.open(SMALL);
    this.#filesAtOpen = this.world.disk.paths().length;
    let model = this.durable;
    let reason = difference(model, this.log);
    for (const operation of this.pending) {
      if (reason === undefined) break;
      for (const part of partsOf(operation)) {
        const candidate = apply(model, part);
        const found = difference(candidate, this.log);
        if (found !== undefined) continue;
        reason = undefined;
        model = candidate;
        break;
      }
      if (reason !== undefined) model = apply(model, operation);
    }
    expect(reason).toBeUndefined();
    this.durable = model;
    this.pending = [];
    for (const [id, state] of model) this.log.release(id, index(state.durable), index(state.durable + 1));
  }
}

/** Set for a long search: `SHERD_PROPERTY_RUNS=2000 npx vitest run …`. */
const SEARCH_RUNS = process.env["SHERD_PROPERTY_RUNS"];
/** Else the same runs each time: whether all that they are for happens in them is not left to luck. */
const RUNS = SEARCH_RUNS === undefined ? { numRuns: 50, seed: 1 } : { numRuns: Number(SEARCH_RUNS) };

test("random operations and crashes: all that was acknowledged is there, nothing is invented, completions keep their order", () => {
  const seen = { carries: 0, reused: 0, cuts: 0, restarts: 0 };
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { minLength: 10, maxLength: 250, size: "max" }), (seed, steps) => {
      const owner = new Owner(seed);
      for (const what of steps) owner.run(what);
      owner.log.flush();
      owner.world.run();
      expect(owner.pending).toEqual([]);
      owner.restart("power");
      seen.carries += owner.carries;
      seen.reused += owner.reused;
      seen.restarts += owner.restarts;
      seen.cuts += owner.world.messages.length;
    }),
    RUNS,
  );
  // What this test is for must have happened.
  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
});
