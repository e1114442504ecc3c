import { beforeEach, expect, test } from "vitest";
import { Histories, type Operation } from "./index.ts";

let histories: Histories;
let nowMs: number;
beforeEach(() => {
  nowMs = 100;
  let moments = 0;
  histories = new Histories(
    () => nowMs,
    () => (moments += 1),
  );
});

const valuesOf = (operation: Operation): string[] =>
  (operation.kind === "exec" ? operation.commands : [operation]).flatMap((one) => ("value" in one ? [one.value] : []));

test("no value is written twice, also within a transaction, and each tells who wrote it", () => {
  const keys = ["k"];
  const written = [
    histories.begin("a", "k", { kind: "set", keys }),
    histories.begin("b", "k", { kind: "set", keys, valueBytes: 20 }),
    histories.begin("a", "k", { kind: "mset", keys }),
    histories.begin("a", "k", {
      kind: "exec",
      keys,
      commands: [
        { kind: "set", keys },
        { kind: "incr", keys },
        { kind: "set", keys, only: "nx" },
      ],
    }),
  ];
  const values = written.flatMap(valuesOf);
  expect(values).toHaveLength(5);
  expect(new Set(values).size).toBe(5);
  expect(values[1]).toHaveLength(20);
  for (const operation of written)
    for (const value of valuesOf(operation)) expect(histories.writerOf(value)).toBe(operation);
});

test("pieces have one length", () => {
  const pieces = Array.from({ length: 12 }, () => histories.begin("a", "l", { kind: "append", keys: ["l"] }));
  expect(new Set(pieces.flatMap(valuesOf).map(({ length }) => length)).size).toBe(1);
});

test("an operation ends when its answer is known, and never if nobody learns it", () => {
  const done = histories.begin("a", "k", { kind: "get", keys: ["k"] });
  const unknown = histories.begin("a", "k", { kind: "del", keys: ["k"] }, [done]);
  expect(histories.open.size).toBe(2);
  nowMs = 130;
  histories.end(done, "done");
  histories.end(unknown, "unknown");
  expect([done.began, done.ended, done.beganMs, done.endedMs]).toEqual([1, 3, 100, 130]);
  expect(unknown.ended).toBe(Number.POSITIVE_INFINITY);
  expect(histories.open.size).toBe(0);
  expect(histories.of("k")).toEqual([done, unknown]);
  expect(histories.keys).toEqual(["k"]);
});
