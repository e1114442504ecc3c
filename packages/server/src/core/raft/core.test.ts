import { expect, test } from "vitest";
import { groupId, InvariantViolation, index, replicaId, term, utf8, utf8Bytes } from "../base/index.ts";
import {
  BOOTSTRAP,
  createRaftCore,
  type Entry,
  type GroupStart,
  RAFT_CORE_OPTIONS,
  type RaftCore,
  type RaftEvents,
} from "./index.ts";
import { confStateOf, wasm } from "./testing/replica.ts";

const ALONE = replicaId(1);

/** Keeps what it is told, word by word. */
class Recorder implements RaftEvents {
  readonly calls: (readonly [keyof RaftEvents, ...unknown[]])[] = [];
  onProposed = this.#keep("onProposed");
  onDropped = this.#keep("onDropped");
  onMessage = this.#keep("onMessage");
  onReady = this.#keep("onReady");
  onCommitted = this.#keep("onCommitted");
  onReadReady = this.#keep("onReadReady");
  onReadDropped = this.#keep("onReadDropped");
  onRole = this.#keep("onRole");
  onEntriesWanted = this.#keep("onEntriesWanted");
  onSnapshotWanted = this.#keep("onSnapshotWanted");
  onConfState = this.#keep("onConfState");

  #keep(name: keyof RaftEvents) {
    return (...args: unknown[]): void => void this.calls.push([name, ...args]);
  }

  take(name: keyof RaftEvents): unknown[][] {
    return this.calls.filter(([called]) => called === name).map(([, ...args]) => args);
  }
}

function newCore(options = RAFT_CORE_OPTIONS): { core: RaftCore; log: string[] } {
  const log: string[] = [];
  const core = createRaftCore(wasm, options, { random: () => 4, log: (level, text) => log.push(`${level} ${text}`) });
  return { core, log };
}

function alone(group: number): GroupStart {
  return {
    group: groupId(group),
    replica: ALONE,
    hardState: { term: BOOTSTRAP.term, vote: replicaId(0), commit: BOOTSTRAP.index },
    confState: confStateOf([1]),
    applied: BOOTSTRAP.index,
    truncated: BOOTSTRAP,
    termRuns: [],
    last: BOOTSTRAP.index,
    entries: [],
  };
}

/** Leads a group of one, its first entry committed. */
function lead(core: RaftCore, group: number): void {
  const events = new Recorder();
  core.open(alone(group));
  core.campaign(groupId(group));
  core.exec(events);
  core.persisted(groupId(group), 1);
  core.exec(events);
  core.persisted(groupId(group), 2);
  core.applied(groupId(group), index(2));
}

test("groups of one core do not see each other, and a closed one is gone", () => {
  const { core } = newCore();
  lead(core, 1);
  lead(core, 7);
  core.propose(groupId(1), 10, utf8Bytes("one"));
  core.propose(groupId(7), 20, utf8Bytes("seven"));
  core.close(groupId(7));
  core.propose(groupId(7), 21, utf8Bytes("late"));
  core.readIndex(groupId(7), 3);
  core.tick(groupId(7));
  const events = new Recorder();
  core.exec(events);
  expect(events.take("onProposed")).toEqual([
    [1, 10, 2, 3],
    [7, 20, 2, 3],
  ]);
  expect(events.take("onDropped")).toEqual([[7, 21, 4]]);
  expect(events.take("onReadDropped")).toEqual([[7, 3, 4]]);
  expect(events.take("onReady").length).toBe(1);
});

test("at most one Ready a group and exec; more committed entries than fit come with the next", () => {
  const { core } = newCore({ ...RAFT_CORE_OPTIONS, committedBytesMax: 1000 });
  lead(core, 1);
  for (let i = 0; i < 5; i += 1) core.propose(groupId(1), i, new Uint8Array(600).fill(i));
  const events = new Recorder();
  expect(core.exec(events)).toBe(false);
  core.persisted(groupId(1), 3);
  let execs = 1;
  while (core.exec(events)) execs += 1;
  expect(execs).toBe(5);
  const entries = events.take("onCommitted").map(([, committed]) => committed as Entry[]);
  expect(entries.map((committed) => committed.map((entry) => entry.data[0]))).toEqual([[0], [1], [2], [3], [4]]);
});

test("owned bytes stay what they were while the core runs on and its memory grows", () => {
  const { core } = newCore();
  lead(core, 1);
  core.propose(groupId(1), 1, utf8Bytes("kept"));
  const events = new Recorder();
  core.exec(events);
  const before = core.memoryBytes;
  core.propose(groupId(1), 2, new Uint8Array(8 * 1024 * 1024));
  core.exec(new Recorder());
  expect(core.memoryBytes).toBeGreaterThan(before);
  const ready = events.take("onReady")[0]?.[0] as { entries: Entry[] };
  expect(utf8(ready.entries[0]?.data as Uint8Array)).toBe("kept");
});

test("the same commands and the same random numbers give the same events", () => {
  const run = (): unknown => {
    const { core } = newCore();
    lead(core, 1);
    core.propose(groupId(1), 1, utf8Bytes("x"));
    const events = new Recorder();
    core.exec(events);
    return events.calls;
  };
  expect(run()).toEqual(run());
});

test("an event that queues a command makes exec ask for another call; applied alone does not", () => {
  const { core } = newCore();
  lead(core, 1);
  core.exec(new Recorder());
  const events = new Recorder();
  core.propose(groupId(1), 1, utf8Bytes("x"));
  events.onReady = () => core.persisted(groupId(1), 3);
  expect(core.exec(events)).toBe(true);
  events.onReady = () => undefined;
  events.onCommitted = () => core.applied(groupId(1), index(3));
  expect(core.exec(events)).toBe(false);
});

test("a broken contract of the node is a thrown InvariantViolation that says what, and the core is dead after it", () => {
  const { core } = newCore();
  lead(core, 1);
  core.applied(groupId(1), index(99));
  let thrown: unknown;
  try {
    core.exec(new Recorder());
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(InvariantViolation);
  expect(String(thrown)).toMatch(/only what is committed and durable is applied/);
  expect(() => core.progress(groupId(1))).toThrow(/not used after it trapped/);
});

test.each([
  [
    "a log from index 0",
    { truncated: { index: index(0), term: term(0) }, termRuns: [{ first: index(1), term: term(1) }] },
  ],
  ["a commit below applied", { hardState: { term: term(1), vote: replicaId(0), commit: index(0) } }],
  ["a commit behind the log", { hardState: { term: term(1), vote: replicaId(0), commit: index(2) } }],
  ["a gap between applied and the entries", { last: index(5) }],
])("a group does not start from %s", (_, wrong) => {
  const { core } = newCore();
  core.open({ ...alone(1), ...wrong });
  expect(() => core.exec(new Recorder())).toThrow(InvariantViolation);
});

test("an empty proposal is a bug of the caller", () => {
  expect(() => newCore().core.propose(groupId(1), 1, new Uint8Array(0))).toThrow(InvariantViolation);
});

test("memory of applied entries is given back", () => {
  const { core } = newCore();
  lead(core, 1);
  core.propose(groupId(1), 1, new Uint8Array(100_000));
  core.exec(new Recorder());
  expect(core.counters.heldBytes).toBeGreaterThan(100_000);
  core.persisted(groupId(1), 3);
  core.exec(new Recorder());
  core.applied(groupId(1), index(3));
  core.exec(new Recorder());
  expect(core.counters.heldBytes).toBe(0);
});
