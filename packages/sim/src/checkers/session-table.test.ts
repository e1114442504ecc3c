import {
  groupId,
  type Index,
  latin1Bytes,
  SESSION_IDLE_MS,
  SESSION_REPLIES_MAX,
  slot,
  type Term,
} from "sherd/core/base";
import { commandByName } from "sherd/core/command";
import { type CommandOrigin, EntryEncoder, Opcode } from "sherd/core/machine";
import { BOOTSTRAP, type Entry, EntryKind } from "sherd/core/raft";
import { beforeEach, expect, test } from "vitest";
import { SessionTable } from "./session-table.ts";

const GROUP = groupId(1);
const opcodeOf = (name: string): number => commandByName(latin1Bytes(name))?.opcode as number;

let table: SessionTable;
let last: Index;
/** Opened at the first position of the first entry. */
const SESSION = (BOOTSTRAP.index + 1) * 8192;

type Written = readonly [opcode: number, origin?: CommandOrigin];

function commit(commands: readonly Written[], logTimeMs = 0): Index {
  const encoder = new EntryEncoder();
  for (const [opcode, origin] of commands) encoder.add(opcode, slot(0), origin, []);
  last = (last + 1) as Index;
  const entry: Entry = { index: last, term: 1 as Term, kind: EntryKind.normal, data: encoder.finish(logTimeMs) };
  table.committed(GROUP, entry);
  // Every other replica commits it, too.
  table.committed(GROUP, entry);
  return last;
}

const set = (sequence: number, ackedBelow = 1): Written => [
  opcodeOf("set"),
  { session: SESSION, sequence, ackedBelow },
];
const ran =
  (index: Index, ...commands: string[]) =>
  (): void =>
    table.applied(GROUP, index, commands, "n1");

beforeEach(() => {
  table = new SessionTable();
  last = BOOTSTRAP.index;
  commit([[Opcode.sessionOpen]]);
});

test("the next command of a session takes effect, and so does each without one", () => {
  const index = commit([set(1), [opcodeOf("incr")], set(2)]);
  expect(ran(index, "set", "incr", "set")).not.toThrow();
  expect(ran(index, "set", "set")).toThrow("due are [set,incr,set]");
});

test("a retry runs nowhere again, in the same entry or later", () => {
  expect(ran(commit([set(1), set(1)]), "set")).not.toThrow();
  const later = commit([set(1)]);
  expect(ran(later)).not.toThrow();
  expect(ran(later, "set")).toThrow("each command of a session takes effect once");
});

test("what overtook another, or belongs to no session, is not run", () => {
  expect(ran(commit([set(2)]), "set")).toThrow();
  expect(ran(commit([[opcodeOf("set"), { session: 5, sequence: 1, ackedBelow: 1 }]]), "set")).toThrow();
});

test("what the leader refused has taken its number", () => {
  expect(ran(commit([[Opcode.refuse, { session: SESSION, sequence: 1, ackedBelow: 1 }], set(1)]), "set")).toThrow();
  expect(ran(commit([set(2)]), "set")).not.toThrow();
});

test("a session that keeps too many replies takes nothing more before some are acknowledged", () => {
  for (let sequence = 1; sequence <= SESSION_REPLIES_MAX; sequence += 1) commit([set(sequence)]);
  expect(ran(commit([set(SESSION_REPLIES_MAX + 1)]), "set")).toThrow();
  expect(ran(commit([set(SESSION_REPLIES_MAX + 1, 2)]), "set")).not.toThrow();
});

test("a session that nobody used for too long, by log time, is gone", () => {
  expect(ran(commit([set(1)], SESSION_IDLE_MS), "set")).not.toThrow();
  expect(ran(commit([set(2)], 2 * SESSION_IDLE_MS + 1), "set")).toThrow();
});
