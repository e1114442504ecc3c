import { expect, test } from "vitest";
import { SESSION_IDLE_MS, SESSION_REPLIES_MAX, SESSIONS_PER_GROUP_MAX, slot } from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { SESSION_ERROR, Sessions } from "./sessions.ts";

const SLOT = slot(7);
const integer = (value: number): Reply => ({ type: "integer", value });

/** Runs a command the way the state machine does: only if it is admitted. Returns [reply, did it run]. */
function run(sessions: Sessions, id: number, sequence: number, ackedBelow: number, effect: () => Reply, nowMs = 0) {
  const known = sessions.admit(id, sequence, ackedBelow, nowMs);
  if (known !== undefined) return { reply: known, ran: false };
  const reply = effect();
  sessions.store(id, sequence, SLOT, reply);
  return { reply, ran: true };
}

const kindOf = (reply: Reply) => (reply.type === "error" ? reply.kind : reply.type);

function reopened(sessions: Sessions): Sessions {
  const rows = new Map<string, Uint8Array>();
  sessions.writeChanges(
    (name, bytes) => rows.set(name, bytes),
    (name) => rows.delete(name),
  );
  const again = new Sessions();
  again.load([...rows.keys()], (name) => rows.get(name));
  return again;
}

test("a counter incremented through retries counts each increment once", () => {
  let sessions = new Sessions();
  sessions.open(1, 0);
  let count = 0;
  const increment = (): Reply => integer(++count);
  expect(run(sessions, 1, 1, 1, increment)).toEqual({ reply: integer(1), ran: true });
  expect(run(sessions, 1, 1, 1, increment)).toEqual({ reply: integer(1), ran: false });
  sessions = reopened(sessions);
  expect(run(sessions, 1, 1, 1, increment)).toEqual({ reply: integer(1), ran: false });
  expect(run(sessions, 1, 2, 1, increment)).toEqual({ reply: integer(2), ran: true });
  expect(count).toBe(2);
});

test("a command that overtook a lost one is refused, so that order holds", () => {
  const sessions = new Sessions();
  sessions.open(1, 0);
  const early = run(sessions, 1, 2, 1, () => integer(2));
  expect([kindOf(early.reply), early.ran]).toEqual([SESSION_ERROR.gap, false]);
  expect(run(sessions, 1, 1, 1, () => integer(1)).ran).toBe(true);
  expect(run(sessions, 1, 2, 1, () => integer(2)).ran).toBe(true);
});

test("what was acknowledged is forgotten, and never run again", () => {
  const sessions = new Sessions();
  sessions.open(1, 0);
  run(sessions, 1, 1, 1, () => integer(1));
  run(sessions, 1, 2, 2, () => integer(2));
  const late = run(sessions, 1, 1, 2, () => integer(-1));
  expect([kindOf(late.reply), late.ran]).toEqual([SESSION_ERROR.acknowledged, false]);
});

test("a session that nobody opened, or that was idle for too long, runs nothing", () => {
  const sessions = new Sessions();
  expect(kindOf(run(sessions, 9, 1, 1, () => integer(1)).reply)).toBe(SESSION_ERROR.unknown);
  sessions.open(9, 1_000);
  sessions.expire(1_000 + SESSION_IDLE_MS);
  expect(sessions.size).toBe(1);
  sessions.expire(1_001 + SESSION_IDLE_MS);
  expect(kindOf(run(sessions, 9, 1, 1, () => integer(1)).reply)).toBe(SESSION_ERROR.unknown);
});

test("replies that are never acknowledged fill the session, not the memory", () => {
  const sessions = new Sessions();
  sessions.open(1, 0);
  for (let sequence = 1; sequence <= SESSION_REPLIES_MAX; sequence += 1)
    run(sessions, 1, sequence, 1, () => integer(0));
  expect(kindOf(run(sessions, 1, SESSION_REPLIES_MAX + 1, 1, () => integer(0)).reply)).toBe(SESSION_ERROR.full);
  expect(run(sessions, 1, SESSION_REPLIES_MAX + 1, 2, () => integer(0)).ran).toBe(true);
});

test("replicas that restarted and replicas that did not drop the same session when there are too many", () => {
  const live = new Sessions();
  // Opened in one millisecond in an order that a restart does not know.
  for (let id = SESSIONS_PER_GROUP_MAX; id >= 1; id -= 1) live.open(id, 5);
  const restarted = reopened(live);
  for (const sessions of [live, restarted]) {
    sessions.open(SESSIONS_PER_GROUP_MAX + 1, 6);
    expect(kindOf(run(sessions, 1, 1, 1, () => integer(0), 6).reply)).toBe(SESSION_ERROR.unknown);
    expect(run(sessions, 2, 1, 1, () => integer(0), 6).ran).toBe(true);
  }
});
