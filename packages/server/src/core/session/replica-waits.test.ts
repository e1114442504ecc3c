import { expect, test } from "vitest";
import { type GroupId, REQUEST_MS_MAX } from "../base/index.ts";
import type { ReplicasHolding } from "../node/index.ts";
import { ReplicaWaits } from "./replica-waits.ts";

/** A leader that answers when the test says so. */
function leader(): { waits: ReplicaWaits; questions: ((held: ReplicasHolding | undefined) => void)[] } {
  const questions: ((held: ReplicasHolding | undefined) => void)[] = [];
  const waits = new ReplicaWaits({
    figures: { replicasHolding: (_group, complete) => void questions.push(complete) },
  });
  return { waits, questions };
}

const GROUP = 1 as GroupId;
const FOR_MS = 60_000;
const WANTED = { replicas: 1, leaders: false };

test("one question a shard, however many WAITs begin; those that began behind it share the next", () => {
  const { waits, questions } = leader();
  const done: number[] = [];
  const begin = (id: number): unknown => waits.begin([GROUP], WANTED, FOR_MS, () => done.push(id));
  for (let id = 0; id < 100; id += 1) begin(id);
  expect(questions).toHaveLength(1);
  // What it says may be older than the others' writes.
  questions[0]?.({ applied: 10, own: 10, matched: [10] });
  expect(done).toEqual([0]);
  expect(questions).toHaveLength(2);
  questions[1]?.({ applied: 10, own: 10, matched: [10] });
  expect(done).toHaveLength(100);
  expect([questions.length, waits.waiting]).toEqual([2, 0]);
});

test("ticks ask once for all that wait, again when no answer comes, and a late answer still counts", () => {
  const { waits, questions } = leader();
  const done: number[] = [];
  waits.tick(0);
  for (let id = 0; id < 10; id += 1) waits.begin([GROUP], WANTED, FOR_MS, () => done.push(id));
  questions[0]?.({ applied: 10, own: 10, matched: [9] });
  questions[1]?.({ applied: 10, own: 10, matched: [9] });
  expect(done).toEqual([]);
  waits.tick(50);
  waits.tick(100);
  expect(questions).toHaveLength(3);
  waits.tick(51 + REQUEST_MS_MAX);
  expect(questions).toHaveLength(4);
  questions[2]?.({ applied: 10, own: 10, matched: [10] });
  expect(done).toHaveLength(10);
  questions[3]?.(undefined);
  expect(questions).toHaveLength(4);
});

test("a WAIT whose client has gone is not asked for", () => {
  const { waits, questions } = leader();
  const first = waits.begin([GROUP], WANTED, FOR_MS, () => {});
  const second = waits.begin([GROUP], WANTED, FOR_MS, () => {});
  waits.end(first);
  waits.end(second);
  questions[0]?.({ applied: 1, own: 1, matched: [1] });
  waits.tick(50);
  expect(questions).toHaveLength(1);
});
