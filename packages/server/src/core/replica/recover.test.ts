import { expect, test } from "vitest";
import { groupId, index, NO_REPLICA, replicaId, SherdError, term } from "../base/index.ts";
import type { RecoveredGroup } from "../log/index.ts";
import { recoverGroup } from "./recover.ts";

const GROUP = groupId(3);

/** A log whose entries are (truncatedAt, last], of term 2 up to index 10 and of term 5 behind it. */
function logWith(truncatedAt: number, last: number, commit: number): RecoveredGroup {
  const runs = [
    { first: index(truncatedAt + 1), term: term(2) },
    { first: index(11), term: term(5) },
  ].filter((run) => run.first <= last);
  return {
    group: GROUP,
    hardState: { term: term(6), vote: replicaId(31), commit: index(commit) },
    truncated: { index: index(truncatedAt), term: term(truncatedAt === 0 ? 0 : 2) },
    termRuns: runs,
    last: index(last),
  };
}

const applied = (at: number, inTerm: number) => ({ index: index(at), term: term(inTerm) });

/** The recovery contract (docs/formats/log.md), row by row. `reset` and the hard state that the group starts with. */
const matrix = [
  {
    name: "a replica that waits for a snapshot",
    log: undefined,
    at: applied(0, 0),
    reset: false,
    state: [0, 0, 0],
    last: 0,
  },
  { name: "a first member of the group", log: undefined, at: applied(1, 1), reset: true, state: [1, 0, 1], last: 1 },
  {
    name: "log and store agree",
    log: logWith(0, 20, 15),
    at: applied(12, 5),
    reset: false,
    state: [6, 31, 15],
    last: 20,
  },
  {
    name: "the store is at the log's end",
    log: logWith(0, 20, 15),
    at: applied(20, 5),
    reset: false,
    state: [6, 31, 20],
    last: 20,
  },
  {
    name: "the store is at the log's beginning",
    log: logWith(8, 20, 15),
    at: applied(8, 2),
    reset: false,
    state: [6, 31, 15],
    last: 20,
  },
  {
    name: "the log has lost its commit index",
    log: logWith(0, 20, 3),
    at: applied(12, 5),
    reset: false,
    state: [6, 31, 12],
    last: 20,
  },
  {
    name: "the log ends before the store",
    log: logWith(0, 9, 9),
    at: applied(12, 5),
    reset: true,
    state: [6, 31, 12],
    last: 12,
  },
  {
    name: "another term stands at the applied index",
    log: logWith(0, 20, 9),
    at: applied(12, 4),
    reset: true,
    state: [6, 31, 12],
    last: 12,
  },
  {
    name: "a snapshot of a newer term was switched in",
    log: logWith(0, 9, 9),
    at: applied(40, 8),
    reset: true,
    state: [8, 0, 40],
    last: 40,
  },
  {
    name: "another term at the truncated index",
    log: logWith(8, 20, 9),
    at: applied(8, 3),
    reset: true,
    state: [6, 31, 8],
    last: 8,
  },
] as const;

for (const row of matrix) {
  test(`recovery: ${row.name}`, () => {
    const plan = recoverGroup(GROUP, row.log, row.at);
    const { hardState } = plan;
    expect(plan.reset).toBe(row.reset);
    expect([hardState.term, hardState.vote, hardState.commit]).toEqual(row.state);
    expect(plan.last).toBe(row.last);
    // What raft-rs panics on: commit below applied, applied outside of the log.
    expect(hardState.commit).toBeGreaterThanOrEqual(row.at.index);
    expect(plan.truncated.index).toBeLessThanOrEqual(row.at.index);
    expect(plan.last).toBeGreaterThanOrEqual(row.at.index);
    if (row.reset) {
      expect(plan.truncated).toEqual(row.at);
      expect(plan.termRuns).toEqual([]);
    }
  });
}

const refusals = [
  { name: "the log begins behind the store", log: logWith(15, 20, 15), at: applied(12, 5), code: "SHERD_LOG_GAP" },
  {
    name: "the store has data, the log never heard of the group",
    log: undefined,
    at: applied(2, 1),
    code: "SHERD_LOG_GAP",
  },
  {
    name: "what was committed is not in the log",
    log: logWith(0, 20, 25),
    at: applied(12, 5),
    code: "SHERD_LOG_DAMAGED",
  },
] as const;

for (const row of refusals) {
  test(`recovery refuses: ${row.name}`, () => {
    const attempt = () => recoverGroup(GROUP, row.log, row.at);
    expect(attempt).toThrow(SherdError);
    expect(attempt).toThrow(row.code);
    expect(attempt).toThrow(/Group 3/);
  });
}

test("a vote is only forgotten together with its term", () => {
  const kept = recoverGroup(GROUP, logWith(0, 9, 9), applied(12, 6));
  expect(kept.hardState.vote).toBe(31);
  const newer = recoverGroup(GROUP, logWith(0, 9, 9), applied(12, 7));
  expect(newer.hardState).toEqual({ term: 7, vote: NO_REPLICA, commit: 12 });
});
