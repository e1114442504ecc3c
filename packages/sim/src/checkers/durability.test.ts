import { type GroupId, groupId, type Index, type ReplicaId, type Term } from "sherd/core/base";
import type { Log, RecoveredGroup } from "sherd/core/log";
import type { Entry, HardState } from "sherd/core/raft";
import { expect, test } from "vitest";
import { Durability } from "./durability.ts";

const group = groupId(1);
const state = (term: number, vote: number): HardState => ({
  term: term as Term,
  vote: vote as ReplicaId,
  commit: 0 as Index,
});
const entry = (index: number, term: number): Entry => ({
  index: index as Index,
  term: term as Term,
  kind: 0,
  data: new Uint8Array(0),
});

/** A log that reports only when told, and an opened one that has what the test says. */
class FakeLog {
  readonly waiting: (() => void)[] = [];
  readonly log: Log;

  constructor(found: readonly { readonly index: number; readonly term: number }[] = [], hard = state(0, 0), after = 0) {
    const recovered: RecoveredGroup = {
      group,
      hardState: hard,
      truncated: { index: after as Index, term: 1 as Term },
      termRuns: [],
      last: (found.at(-1)?.index ?? after) as Index,
    };
    this.log = {
      recovered: new Map<GroupId, RecoveredGroup>([[group, recovered]]),
      term: (_group: GroupId, index: Index) => found.find((one) => one.index === index)?.term as Term | undefined,
      append: (_group: GroupId, _hard: HardState | undefined, _entries: readonly Entry[], done: () => void) =>
        void this.waiting.push(done),
    } as unknown as Log;
  }

  report(): void {
    for (const done of this.waiting.splice(0)) done();
  }
}

function written(...batches: readonly (readonly Entry[])[]): Durability {
  const durability = new Durability("n1");
  const log = new FakeLog();
  const watched = durability.watch(log.log);
  for (const batch of batches) {
    watched.append(group, state(2, 3), batch, () => {});
    log.report();
  }
  return durability;
}

const reopened =
  (durability: Durability, log: FakeLog): (() => unknown) =>
  () =>
    durability.watch(log.log);

test("what was reported durable must be found again", () => {
  const found = [entry(1, 1), entry(2, 2)];
  expect(reopened(written(found), new FakeLog(found, state(2, 3)))).not.toThrow();
  expect(reopened(written(found), new FakeLog([entry(1, 1)], state(2, 3)))).toThrow("index 2 of term 2");
  expect(reopened(written(found), new FakeLog([entry(1, 1), entry(2, 1)], state(2, 3)))).toThrow("there is term 1");
});

test("what was released is not missed", () => {
  expect(reopened(written([entry(1, 1), entry(2, 2)]), new FakeLog([], state(2, 3), 2))).not.toThrow();
});

test("what was replaced is missed under its later term", () => {
  const durability = written([entry(1, 1), entry(2, 1), entry(3, 1)], [entry(2, 2)]);
  expect(reopened(durability, new FakeLog([entry(1, 1), entry(2, 2)], state(2, 3)))).not.toThrow();
});

test("what was not reported may be found or not", () => {
  for (const found of [[entry(1, 1)], [entry(1, 1), entry(2, 1)], [entry(1, 2)], []]) {
    const durability = new Durability("n1");
    const log = new FakeLog();
    const watched = durability.watch(log.log);
    watched.append(group, state(1, 0), [entry(1, 1), entry(2, 1)], () => {});
    log.report();
    watched.append(group, state(2, 0), [entry(1, 2)], () => {});
    expect(reopened(durability, new FakeLog(found, state(2, 0)))).not.toThrow();
  }
});

test("term and vote do not go back", () => {
  const found = [entry(1, 2)];
  expect(reopened(written(found), new FakeLog(found, state(3, 0)))).not.toThrow();
  expect(reopened(written(found), new FakeLog(found, state(1, 3)))).toThrow("durable means durable");
  expect(reopened(written(found), new FakeLog(found, state(2, 1)))).toThrow("durable means durable");
});

// Found by seed 1795377916364 of profile swarm: the disk failed in the first write of a group.
test("a group of which nothing was reported need not be there, one of which something was must be", () => {
  const empty = { log: { ...new FakeLog().log, recovered: new Map() } } as unknown as FakeLog;
  const durability = new Durability("n1");
  durability.watch(empty.log).append(group, state(1, 0), [entry(1, 1)], () => {});
  expect(reopened(durability, empty)).not.toThrow();
  expect(reopened(written([entry(1, 1)]), empty)).toThrow("group 1 is not in the log any more");
});
