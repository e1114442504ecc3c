import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  APPLY_PASS_MS,
  ENTRY_BYTES_TARGET,
  ENTRY_WEIGHT_MAX,
  groupId,
  index,
  latin1,
  latin1Bytes,
  REPLICA_PENDING_READS_MAX,
  REQUEST_MS_MAX,
  replicaId,
  slot,
  term,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { type CommandSpec, commandByName, type Reply } from "../command/index.ts";
import { EntryDecoder, type StateMachine } from "../machine/index.ts";
import { DropReason, type Entry, EntryKind, type RaftCore, Role } from "../raft/index.ts";
import type { Space } from "../store/index.ts";
import { ReadTurns } from "./read-turns.ts";
import { Replica } from "./replica.ts";
import type { ReplicaHost, Request, Rerouted, Serving } from "./types.ts";

const SET = commandByName(latin1Bytes("set")) as CommandSpec;
const APPEND = commandByName(latin1Bytes("append")) as CommandSpec;

/** A leader's replica. What it proposes waits for the core's word; what it gives back is submitted again, in order. */
class World {
  readonly replica: Replica;
  nowMs = 0;
  full = false;
  /** The machine's; entries are counted in it. */
  readonly applied = { index: index(0), term: term(1) };
  /** What applying one entry takes. */
  applyMs = 0;
  /** How often the replica asked to be visited. */
  wakes = 0;
  /** Proposed, and not yet answered by the core. */
  readonly asked: { readonly ticket: number; readonly keys: readonly string[] }[] = [];
  /** Keys in the order of the log. */
  readonly log: string[] = [];
  readonly replies: Map<string, Reply> = new Map();
  readonly givenBack: string[] = [];
  /** What the router holds. */
  waiting: Rerouted[] = [];
  #last = 0;

  constructor() {
    const space = { group: groupId(1), replica: replicaId(1), setOwner: () => {}, applied: () => {} };
    this.replica = new Replica(this.#host(), space as unknown as Space);
    this.replica.onRole(Role.leader, replicaId(1), term(2));
  }

  #host(): ReplicaHost {
    let number = 0;
    const apply = (entry: Entry): void => {
      this.applied.index = entry.index;
      this.nowMs += this.applyMs;
    };
    const machine = {
      applied: this.applied,
      expiringKeys: 0,
      lengthOf: () => 0,
      missing: () => [],
      apply,
    } as unknown as StateMachine;
    const raft = {
      propose: (_: unknown, ticket: number, data: Uint8Array) => this.asked.push({ ticket, keys: keysOf(data) }),
      readIndex: () => {},
      applied: () => {},
    };
    const host = {
      env: { monotonicMs: () => this.nowMs, wallMs: () => this.nowMs },
      raft: raft as unknown as RaftCore,
      log: { pin: () => {}, release: () => {} },
      store: { full: false },
      turns: new ReadTurns<Serving>(
        () => this.nowMs,
        () => {},
      ),
      nextNumber: () => (number += 1),
      wake: () => {
        this.wakes += 1;
      },
      reroute: (_: unknown, items: readonly Rerouted[]) => {
        this.waiting = [...items, ...this.waiting];
      },
      roleChanged: () => {},
      makeMachine: () => machine,
    };
    Object.defineProperty(host.store, "full", { get: () => this.full });
    return host as unknown as ReplicaHost;
  }

  /** A write comes in. */
  write(
    key: string,
    options: { readonly bytes?: number; readonly forwarded?: boolean; readonly spec?: CommandSpec } = {},
  ): void {
    const args = [latin1Bytes(key), new Uint8Array(options.bytes ?? 1)];
    const request: Request = {
      spec: options.spec ?? SET,
      args,
      slot: slot(0),
      redirect: false,
      stale: false,
      complete: (reply) => {
        expect(this.replies.has(key)).toBe(false);
        this.replies.set(key, reply);
      },
      ...(options.forwarded === true ? { giveBack: () => this.givenBack.push(key) } : {}),
    };
    this.waiting.push({ request, args, bornMs: this.nowMs });
    this.drain();
  }

  /** As the router does it. */
  drain(): void {
    while (this.waiting.length > 0 && this.replica.accepts) {
      const { request, args } = this.waiting.shift() as Rerouted;
      this.replica.submitWrite(request, args);
    }
    this.replica.feed();
  }

  tick(): void {
    this.replica.tick(this.nowMs);
    this.drain();
  }

  /** The core answers for the oldest proposal. */
  takes(): void {
    const { ticket, keys } = this.asked.shift() as (typeof this.asked)[number];
    this.log.push(...keys);
    this.#last += 1;
    this.replica.onProposed(ticket, term(2), index(this.#last));
  }

  drops(reason: DropReason): void {
    const { ticket } = this.asked.shift() as (typeof this.asked)[number];
    this.replica.onDropped(ticket, reason);
  }
}

function keysOf(data: Uint8Array): string[] {
  const decoder = new EntryDecoder();
  decoder.open(data, "proposal");
  const keys: string[] = [];
  while (decoder.next()) keys.push(latin1(decoder.command.args[0] as Uint8Array));
  return keys;
}

test("a replica knows that somebody asks for votes, until somebody leads", () => {
  const { replica } = new World();
  const none = replicaId(0);
  expect(replica.electing).toBe(false);
  // The leader's process is gone.
  replica.onRole(Role.follower, none, term(2));
  expect(replica.electing).toBe(false);
  // Another replica asks for votes, ...
  replica.onRole(Role.follower, none, term(3));
  expect(replica.electing).toBe(true);
  replica.onRole(Role.preCandidate, none, term(3));
  expect(replica.electing).toBe(true);
  // ... and has them.
  replica.onRole(Role.follower, replicaId(2), term(3));
  expect(replica.electing).toBe(false);
});

const entry = (at: number): Entry => ({
  index: index(at),
  term: term(2),
  kind: EntryKind.normal,
  data: new Uint8Array([1]),
});

test("entries that are much work are applied over several passes, in order", () => {
  const world = new World();
  world.applyMs = APPLY_PASS_MS / 2;
  world.replica.onCommitted(Array.from({ length: 8 }, (_, n) => entry(n + 1)));
  const applied: number[] = [];
  while (world.applied.index < 8) {
    world.wakes = 0;
    world.replica.work();
    applied.push(world.applied.index);
    expect(world.wakes > 0).toBe(world.applied.index < 8);
  }
  expect(applied).toEqual([2, 4, 6, 8]);
});

describe("what a leader knows of the lengths of values", () => {
  const APPENDS = 40;
  const LARGEST_IN_AN_ENTRY = ENTRY_WEIGHT_MAX / VALUE_BYTES_MAX;

  /** How many commands its entries have. */
  function entriesOf(world: World): number[] {
    world.full = true;
    for (let n = 0; n < APPENDS; n += 1) world.write(`${world.log.length} ${n}`, { spec: APPEND });
    world.full = false;
    world.replica.feed();
    const counts: number[] = [];
    while (world.asked.length > 0) {
      counts.push(world.asked[0]?.keys.length as number);
      world.takes();
    }
    return counts;
  }

  test("is nothing before it has applied an entry of its term: its predecessors' may change any of them", () => {
    const world = new World();
    expect(entriesOf(world)).toEqual([LARGEST_IN_AN_ENTRY, APPENDS - LARGEST_IN_AN_ENTRY]);
    world.applied.term = term(2);
    expect(entriesOf(world)).toEqual([APPENDS]);
  });

  test("is of a term: what waited when the next one began is weighed again", () => {
    const world = new World();
    world.applied.term = term(2);
    world.full = true;
    for (let n = 0; n < APPENDS; n += 1) world.write(`k${n}`, { spec: APPEND });
    world.replica.onRole(Role.leader, replicaId(1), term(3));
    expect(world.waiting).toHaveLength(APPENDS);
    world.full = false;
    world.drain();
    expect(world.asked.map(({ keys }) => keys.length)).toEqual([LARGEST_IN_AN_ENTRY]);
  });
});

describe("a store that is full", () => {
  test("writes that wait for it are answered in time, and definitely: nothing of them was proposed", () => {
    const world = new World();
    world.full = true;
    world.write("a");
    world.write("large", { bytes: ENTRY_BYTES_TARGET });
    world.nowMs = REQUEST_MS_MAX / 2;
    world.write("b");
    world.nowMs = REQUEST_MS_MAX;
    world.tick();
    expect(world.replies.size).toBe(0);
    world.nowMs += 1;
    world.tick();
    expect([...world.replies]).toEqual([
      ["a", expect.objectContaining({ kind: "CLUSTERDOWN" })],
      ["large", expect.objectContaining({ kind: "CLUSTERDOWN" })],
    ]);
    world.full = false;
    world.tick();
    expect(world.asked.map(({ keys }) => keys)).toEqual([["b"]]);
  });

  test("what another node forwarded goes back to it, which knows how long it may take", () => {
    const world = new World();
    world.full = true;
    world.write("f", { forwarded: true });
    world.nowMs = REQUEST_MS_MAX + 1;
    world.tick();
    expect(world.givenBack).toEqual(["f"]);
    expect(world.replies.size).toBe(0);
    expect(world.asked).toEqual([]);
  });

  test("entries that are committed wait for a flush: what they write may be much more than what they are", () => {
    const world = new World();
    world.replica.onCommitted([entry(1)]);
    world.replica.work();
    expect(world.applied.index).toBe(1);

    world.full = true;
    world.replica.onCommitted([entry(2), entry(3)]);
    world.replica.work();
    expect(world.applied.index).toBe(1);
    world.full = false;
    world.wakes = 0;
    world.replica.onDurable(index(1));
    expect(world.wakes).toBe(1);
    world.replica.work();
    expect(world.applied.index).toBe(3);

    // The flush may have been one of other groups; then a tick does it.
    world.full = true;
    world.replica.onCommitted([entry(4)]);
    world.replica.work();
    world.full = false;
    world.wakes = 0;
    world.tick();
    expect(world.wakes).toBeGreaterThan(0);
    world.replica.work();
    expect(world.applied.index).toBe(4);
    world.wakes = 0;
    world.replica.onDurable(index(4));
    world.tick();
    expect(world.wakes).toBe(0);
  });
});

describe("a core that is full", () => {
  test("drops a batch while others wait behind it: their order is kept, and nothing is proposed twice", () => {
    const world = new World();
    for (const key of ["1", "2", "3", "4"]) world.write(key, { bytes: ENTRY_BYTES_TARGET });
    world.takes();
    world.drops(DropReason.full);
    // Nothing overtakes what was dropped: neither those behind it nor what comes now.
    world.write("5");
    expect(world.asked).toEqual([]);
    world.tick();
    while (world.asked.length > 0) world.takes();
    expect(world.log).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("whatever it drops and takes, in the end the log holds every write once, in order", () => {
    const step = fc.oneof(fc.constantFrom("small", "large", "takes", "tick"), fc.constantFrom("full", "transferring"));
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
        const world = new World();
        let writes = 0;
        for (const what of steps) {
          if (what === "small") world.write(`${(writes += 1)}`);
          else if (what === "large") world.write(`${(writes += 1)}`, { bytes: ENTRY_BYTES_TARGET });
          else if (what === "tick") world.tick();
          else if (world.asked.length === 0) continue;
          else if (what === "takes") world.takes();
          else world.drops(what === "full" ? DropReason.full : DropReason.transferring);
        }
        for (let at = 0; at <= writes && world.log.length < writes; at += 1) {
          world.tick();
          while (world.asked.length > 0) world.takes();
        }
        expect(world.log).toEqual(Array.from({ length: writes }, (_, at) => `${at + 1}`));
      }),
    );
  });
});

test("a leader that steps down gives back more reads than a call takes arguments", () => {
  const world = new World();
  const args = [latin1Bytes("k")];
  const request: Request = { spec: SET, args, slot: slot(0), redirect: false, stale: false, complete: () => {} };
  const count = 300_000;
  for (let n = 0; n < count; n += 1) world.replica.submitRead(request, args, 0);
  world.replica.onRole(Role.follower, replicaId(2), term(3));
  expect(world.waiting).toHaveLength(count);
});

test("a replica takes so many reads and no more; the others wait where waiting is bounded", () => {
  const world = new World();
  const read = { spec: commandByName(latin1Bytes("get")) as CommandSpec, args: [], slot: slot(1) };
  for (let n = 0; n < REPLICA_PENDING_READS_MAX; n += 1) {
    expect(world.replica.accepts).toBe(true);
    world.replica.submitRead({ ...read, redirect: false, stale: false, complete: () => {} }, [], 0);
  }
  expect(world.replica.accepts).toBe(false);
  world.replica.feed();
  expect(world.replica.accepts).toBe(false);
});
