import fc from "fast-check";
import { expect, test } from "vitest";
import { checkKey, type Operation } from "./index.ts";
import { expiriesOf, register, type Step, values } from "./models.ts";
import { explainable, mutated, SUBJECTS } from "./testing/arbitrary.ts";
import {
  append,
  del,
  exec,
  exists,
  flush,
  get,
  incr,
  mget,
  mset,
  never,
  parts,
  set,
  setEnding,
  setIf,
} from "./testing/operations.ts";

const a = ["{tag}a"];
const b = ["{tag}b"];
const both = [...a, ...b];
const [keyA, keyB, keyN] = ["{tag}a", "{tag}b", "{tag}n"] as const;

const good: Record<string, Operation[]> = {
  "nothing happened": [],
  "one after the other": [set(1, 2, "a"), get(3, 4, "a"), del(5, 6, 1), get(7, 8, null), del(9, 10, 0)],
  "a read beside a write sees the old value": [set(1, 2, "a"), set(3, 6, "b"), get(4, 5, "a")],
  "a read beside a write sees the new value": [set(1, 2, "a"), set(3, 6, "b"), get(4, 5, "b")],
  "concurrent writes in either order": [set(1, 10, "a"), set(2, 9, "b"), get(11, 12, "a")],
  "an unknown write that is never seen": [set(1, never, "a", "unknown"), get(2, 3, null), get(4, 5, null)],
  "an unknown write that is seen late": [set(1, never, "a", "unknown"), get(2, 3, null), get(4, 5, "a")],
  "an unknown write that comes back after another": [
    set(1, never, "a", "unknown"),
    set(2, 3, "b"),
    get(4, 5, "b"),
    get(6, 7, "a"),
  ],
  "an unknown delete explains an absence": [set(1, 2, "a"), del(3, never, 0, "unknown"), get(4, 5, null)],
  "a delete counts what an unknown write put": [set(1, never, "a", "unknown"), del(2, 3, 1), get(4, 5, null)],
  "a refused write has no effect": [set(1, 2, "a", "refused"), get(3, 4, null)],
  "two keys of a slot are deleted together": [
    set(1, 2, "x", "done", [], a),
    set(3, 4, "y", "done", [], b),
    del(5, 8, 2, "done", both),
    exists(6, 7, 2, both),
    exists(9, 10, 0, both),
  ],
  "an unknown delete of two keys, of which one is put again": [
    set(1, 2, "x", "done", [], a),
    set(3, 4, "y", "done", [], b),
    del(5, never, 0, "unknown", both),
    set(6, 7, "z", "done", [], a),
    get(8, 9, null, b),
    get(10, 11, "z", a),
  ],
  "keys that were set together are seen together": [
    mset(1, 5, "x", both),
    mget(2, 3, [null, null], both),
    mget(4, 6, ["x", "x"], both),
    set(7, never, "y", "unknown", [], a),
    mget(8, 9, ["y", "x"], both),
  ],
  "only the first NX sets": [
    setIf(1, 4, "nx", a, "x", 0),
    setIf(2, 3, "nx", a, "y", 1),
    get(5, 6, "y", a),
    setIf(7, 8, "xx", a, "z", 1),
    get(9, 10, "z", a),
  ],
  "two unknown ones explain one answer": [
    set(1, 2, "x", "done", [], a),
    del(3, never, 0, "unknown", a),
    setIf(4, never, "nx", a, "y", 0, "unknown"),
    get(5, 6, "y", a),
  ],
  "a transaction is seen as a whole": [
    exec(1, 6, [parts.set(keyA, "x"), parts.incr(keyN, 1), parts.set(keyB, "y"), parts.mget(both, ["x", "y"])]),
    mget(2, 3, [null, null], both),
    mget(4, 7, ["x", "y"], both),
    exec(8, 9, [parts.del(both, 2), parts.get(keyA, null), parts.incr(keyN, 2)]),
  ],
  "a transaction of which nobody knows the end is seen late": [
    exec(1, never, [parts.set(keyA, "x"), parts.set(keyB, "y")], {}, 1, "unknown"),
    mget(2, 3, [null, null], both),
    mget(4, 5, ["x", "y"], both),
  ],
  "one that would have given up is not seen": [
    set(1, 2, "x", "done", [], a),
    exec(3, never, [parts.set(keyB, "y")], { [keyA]: "w" }, 1, "unknown"),
    mget(4, 5, ["x", null], both),
  ],
  "compare and set": [
    set(1, 2, "x", "done", [], a),
    exec(3, 6, [parts.set(keyA, "y")], { [keyA]: "x" }),
    exec(4, 5, [parts.set(keyA, "z")], { [keyA]: "x" }, 0),
    get(7, 8, "y", a),
  ],
  "what is absent again is unchanged": [exec(3, 4, [parts.set(keyA, "y")], { [keyA]: "x" }), get(5, 6, "y", a)],
  "a flush ends what was there": [set(1, 2, "a"), flush(3, 4), get(5, 6, null), set(7, 8, "b"), get(9, 10, "b")],
  "an unknown flush explains one absence": [
    set(1, 2, "a"),
    flush(3, never, "unknown"),
    get(4, 5, "a"),
    get(6, 7, null),
  ],
  "each of two unknown flushes explains one": [
    flush(1, never, "unknown"),
    flush(2, never, "unknown"),
    set(3, 4, "a"),
    get(5, 6, null),
    set(7, 8, "b"),
    get(9, 10, null),
  ],
  "an unknown flush is spared for what does not end by itself": [
    flush(1, never, "unknown"),
    setEnding(2, 3, "a"),
    get(4, 5, null),
    set(6, 7, "b"),
    get(8, 9, null),
  ],
  "of writes that overlap nobody saw one, and a delete counts it": [
    set(1, 9, "a"),
    set(2, 8, "b"),
    del(3, 7, 1),
    get(10, 11, null),
  ],
  "a value that nobody read ended": [set(1, 9, "b"), setEnding(2, 8, "a"), get(10, 11, null)],
  "a value that ends": [setEnding(1, 2, "a"), get(3, 4, "a"), get(5, 6, null), set(7, 8, "b"), get(9, 10, "b")],
  "a value that ended before an unknown end of another": [
    set(1, 2, "a"),
    setEnding(3, never, "b", "unknown"),
    get(4, 5, null),
  ],
  "a count": [incr(1, 2, 1), get(3, 4, "1"), incr(5, 9, 3), incr(6, 8, 2), get(7, 10, "2")],
  "unknown additions that count, late, and not": [
    incr(1, never, 0, "unknown"),
    incr(2, never, 0, "unknown"),
    get(3, 4, null),
    incr(5, 6, 1),
    incr(7, 8, 3),
    get(9, 10, "3"),
  ],
  "a list": [append(1, 2, "aa", 2), append(3, 6, "bb", 6), append(4, 5, "cc", 4), get(7, 8, "aaccbb")],
  "an unknown piece is seen": [append(1, 2, "aa", 2), append(3, never, "bb", 0, "unknown"), get(4, 5, "aabb")],
};

const bad: Record<string, Operation[]> = {
  "a lost write": [set(1, 2, "a"), get(3, 4, null)],
  "a stale read": [set(1, 2, "a"), set(3, 4, "b"), get(5, 6, "a")],
  "a read that goes back": [set(1, 2, "a"), set(3, 10, "b"), get(4, 5, "b"), get(6, 7, "a")],
  "a value that nobody wrote": [set(1, 2, "a"), get(3, 4, "z")],
  "a refused write that is seen": [set(1, 2, "a", "refused"), get(3, 4, "a")],
  "a write that takes effect twice": [set(1, 2, "a"), set(3, 4, "b"), get(5, 6, "b"), get(7, 8, "a")],
  "an unknown write that takes effect twice": [
    set(1, never, "a", "unknown"),
    get(2, 3, "a"),
    set(4, 5, "b"),
    get(6, 7, "a"),
    set(8, 9, "c"),
    get(10, 11, "a"),
  ],
  "a delete that counts twice": [set(1, 2, "a"), del(3, 4, 1), del(5, 6, 1)],
  "a delete that found nothing": [set(1, 2, "a"), del(3, 4, 0)],
  "a write from the future": [get(1, 2, "a"), set(3, 4, "a")],
  "an unknown write from the future": [get(1, 2, "a"), set(3, never, "a", "unknown")],
  "half of a delete": [
    set(1, 2, "x", "done", [], a),
    set(3, 4, "y", "done", [], b),
    del(5, 8, 2, "done", both),
    exists(6, 7, 1, both),
  ],
  "half of an unknown delete": [
    set(1, 2, "x", "done", [], a),
    set(3, 4, "y", "done", [], b),
    del(5, never, 0, "unknown", both),
    get(6, 7, null, a),
    get(8, 9, "y", b),
  ],
  "half of an MSET": [mset(1, 5, "x", both), mget(2, 3, ["x", null], both)],
  "half of an unknown MSET": [mset(1, never, "x", both, "unknown"), mget(2, 3, [null, "x"], both)],
  "half of a transaction": [exec(1, 5, [parts.set(keyA, "x"), parts.set(keyB, "y")]), mget(2, 3, ["x", null], both)],
  "half of an unknown transaction": [
    exec(1, never, [parts.set(keyA, "x"), parts.set(keyB, "y")], {}, 1, "unknown"),
    mget(2, 3, [null, "y"], both),
  ],
  "something comes between the parts of a transaction": [
    exec(1, 5, [parts.get(keyA, null), parts.get(keyA, "x")]),
    set(2, 3, "x", "done", [], a),
  ],
  "a transaction that gave up and is seen": [
    set(1, 2, "x", "done", [], a),
    exec(3, 4, [parts.set(keyB, "y")], { [keyA]: "w" }, 0),
    get(5, 6, "y", b),
  ],
  "two set what both have compared": [
    set(1, 2, "x", "done", [], a),
    exec(3, 6, [parts.set(keyA, "y")], { [keyA]: "x" }),
    exec(4, 5, [parts.set(keyA, "z")], { [keyA]: "x" }),
  ],
  "a transaction that counts twice": [exec(1, 2, [parts.incr(keyN, 1)]), exec(3, 4, [parts.incr(keyN, 3)])],
  "two NX set": [setIf(1, 4, "nx", a, "x", 1), setIf(2, 3, "nx", a, "y", 1)],
  "XX sets what is not there": [setIf(1, 2, "xx", a, "x", 1)],
  "one unknown flush explains two absences": [
    flush(1, never, "unknown"),
    set(2, 3, "a"),
    get(4, 5, null),
    set(6, 7, "b"),
    get(8, 9, null),
  ],
  "a flush twice": [flush(1, 10), set(2, 3, "a"), get(4, 5, null), set(6, 7, "b"), get(8, 9, null)],
  "a flush from the future": [set(1, 2, "a"), get(3, 4, null), flush(5, 6)],
  "a flush that left something": [set(1, 2, "a"), flush(3, 4), get(5, 6, "a")],
  "a value that ends and comes back": [setEnding(1, 2, "a"), get(3, 4, null), get(5, 6, "a")],
  "a value that ends although it was replaced by one that does not": [
    setEnding(1, 2, "a"),
    set(3, 4, "b"),
    get(5, 6, null),
  ],
  "a value that ends before it was set": [set(1, 2, "a"), get(3, 4, null), setEnding(5, 6, "b")],
  "a count twice": [incr(1, 4, 1), incr(2, 3, 1)],
  "a count that one unknown addition made two": [incr(1, never, 0, "unknown"), incr(2, 3, 3)],
  "a refused addition that counts": [incr(1, 2, 1, "refused"), incr(3, 4, 2)],
  "a lost addition": [incr(1, 2, 1), get(3, 4, null)],
  "an addition behind one that it did not wait for": [incr(1, 2, 2), incr(3, 4, 1)],
  "an unknown addition from the future": [incr(1, 2, 2), incr(3, never, 0, "unknown")],
  "a lost piece": [append(1, 2, "aa", 2), append(3, 4, "bb", 4), get(5, 6, "bb")],
  "a piece twice": [append(1, 2, "aa", 2), get(3, 4, "aaaa")],
  "an unknown piece twice": [append(1, never, "aa", 0, "unknown"), get(2, 3, "aaaa")],
  "pieces change places": [append(1, 2, "aa", 2), append(3, 4, "bb", 4), get(5, 6, "bbaa")],
};

for (const [name, history] of Object.entries(good)) {
  test(`explained: ${name}`, () => expect(checkKey(history)).toEqual({ linearizable: true }));
}

for (const [name, history] of Object.entries(bad)) {
  test(`not explained: ${name}`, () => expect(checkKey(history)).toMatchObject({ linearizable: false }));
}

test("writes that one connection sent together take effect in their order", () => {
  const first = set(1, 10, "a");
  const second = set(2, 9, "b", "done", [first]);
  expect(checkKey([first, second, get(11, 12, "b")])).toEqual({ linearizable: true });
  expect(checkKey([first, second, get(11, 12, "a")])).toMatchObject({ linearizable: false });
});

test("additions that one connection sent together count in their order", () => {
  const first = incr(1, 10, 1);
  expect(checkKey([first, incr(2, 9, 2, "done", [first])])).toEqual({ linearizable: true });
  const late = incr(1, 10, 2);
  expect(checkKey([late, incr(2, 9, 1, "done", [late])])).toMatchObject({ linearizable: false });
});

test("reads that one connection sent together do not go back", () => {
  const write = set(1, 10, "a");
  const first = get(2, 9, "a");
  const second = (value: string | null): Operation => ({ ...get(3, 8, value), behind: [first] });
  expect(checkKey([write, first, second("a")])).toEqual({ linearizable: true });
  expect(checkKey([write, first, second(null)])).toMatchObject({ linearizable: false });
});

test("a search that would take too long is given up, and says so", () => {
  const seen = Array.from({ length: 12 }, (_, at) => [set(at, 1000, `w${at}`), get(at + 0.5, 1000, `w${at}`)]);
  const history = [...seen.flat(), get(1001, 1002, "nobody")];
  expect(checkKey(history, 1_000)).toEqual({ linearizable: undefined });
  expect(checkKey(history)).toMatchObject({ linearizable: false });
});

test("what an outage leaves, dozens of operations that all overlap, is decided", () => {
  const writes = Array.from({ length: 40 }, (_, at) => set(at, at % 8 === 0 ? 2000 : 1000, `w${at}`));
  const flushes = [flush(5, 1000), flush(6, 1000), ...Array.from({ length: 20 }, () => flush(7, never, "unknown"))];
  const lost = Array.from({ length: 20 }, (_, at) => set(at, never, `lost${at}`, "unknown"));
  const history = [...writes, ...flushes, ...lost, get(100, 999, null), get(200, 1001, "w3"), get(1002, 1003, "lost7")];
  const by = (...more: Operation[]): Operation[] => [...history, ...more].sort((one, other) => one.began - other.began);
  const few = 2_000;
  expect(checkKey(by(get(1004, 1005, "w8"), get(2001, 2002, null)), few)).toEqual({ linearizable: true });
  expect(checkKey(by(get(1004, 1005, "w9")), few)).toMatchObject({ linearizable: false });
  expect(checkKey(by(get(1004, 1005, "w8"), get(2001, 2002, "lost7")), few)).toMatchObject({ linearizable: false });
});

for (const subject of SUBJECTS) {
  test(`whatever was made by taking effect at one moment is explained: ${subject}`, () => {
    fc.assert(fc.property(explainable(subject, 25), (history) => checkKey(history).linearizable === true));
  });

  test(`it agrees with trying all orders: ${subject}`, () => {
    fc.assert(
      fc.property(fc.oneof(explainable(subject, 6), mutated(subject, 6)), (history) => {
        expect(checkKey(history).linearizable).toBe(everyOrder(matter(history), start(subject)));
      }),
      { numRuns: 2_000 },
    );
  });
}

// --- the definition, tried out

interface Reference {
  readonly step: (operation: Step) => Reference | undefined;
}

function matter(history: readonly Operation[]): Step[] {
  const operations = history.filter(
    ({ kind, outcome }) => outcome === "done" || (outcome === "unknown" && kind !== "get"),
  );
  return [...operations, ...expiriesOf(operations)];
}

function start(subject: (typeof SUBJECTS)[number]): Reference {
  if (subject === "counter" || subject === "list") return text("");
  return subject === "slot" ? modelled(values, values.initial) : modelled(register, null);
}

function modelled<State>(model: { step(state: State, operation: Step): State | undefined }, state: State): Reference {
  return {
    step(operation) {
      const after = model.step(state, operation);
      return after === undefined ? undefined : modelled(model, after);
    },
  };
}

/** A counter or a list. */
const text = (value: string): Reference => ({
  step(operation) {
    if (operation.kind === "expiry") return undefined;
    if (operation.kind === "get") return (operation.result ?? "") === value ? text(value) : undefined;
    const after = operation.kind === "append" ? value + operation.value : String(Number(value) + 1);
    const answer = operation.kind === "append" ? after.length : Number(after);
    return operation.outcome !== "done" || operation.result === answer ? text(after) : undefined;
  },
});

function everyOrder(open: readonly Step[], state: Reference): boolean {
  if (open.every(({ outcome }) => outcome === "unknown")) return true;
  const end = Math.min(...open.map(({ ended }) => ended));
  return open.some((next) => {
    if (next.began > end) return false;
    const after = state.step(next);
    return (
      after !== undefined &&
      everyOrder(
        open.filter((other) => other !== next),
        after,
      )
    );
  });
}
