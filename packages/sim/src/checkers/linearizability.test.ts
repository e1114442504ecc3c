import fc from "fast-check";
import { expect, test } from "vitest";
import { checkKey, type Operation, type Outcome } from "./index.ts";

let ids = 0;

function operation(
  kind: Operation["kind"],
  began: number,
  ended: number,
  seen: string | number | null,
  outcome: Outcome = "done",
  behind: readonly Operation[] = [],
): Operation {
  ids += 1;
  const base = { id: ids, client: "c", key: "k", began, beganMs: began, ended, endedMs: ended, outcome, behind };
  if (kind === "set") return { ...base, kind, value: String(seen) };
  if (kind === "get") return { ...base, kind, result: seen as string | null };
  return { ...base, kind, result: Number(seen) };
}

const set = (
  began: number,
  ended: number,
  value: string,
  outcome?: Outcome,
  behind?: readonly Operation[],
): Operation => operation("set", began, ended, value, outcome, behind);
const get = (began: number, ended: number, value: string | null): Operation => operation("get", began, ended, value);
const del = (began: number, ended: number, count: number, outcome?: Outcome): Operation =>
  operation("del", began, ended, count, outcome);
const never = Number.POSITIVE_INFINITY;

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

test("a search that would take too long is given up, and says so", () => {
  const writes = Array.from({ length: 12 }, (_, at) => set(at, 1000, `w${at}`));
  expect(checkKey([...writes, get(1001, 1002, "nobody")], 1_000)).toEqual({ linearizable: undefined });
});

/** Every operation takes effect at one moment within its bounds: such a history is linearizable by construction. */
const explainable = fc
  .array(
    fc.record({
      kind: fc.constantFrom("set" as const, "get" as const, "del" as const),
      before: fc.integer({ min: 1, max: 40 }),
      behind: fc.integer({ min: 1, max: 40 }),
      unknown: fc.boolean(),
    }),
    { maxLength: 25 },
  )
  .map((steps) => {
    let state: string | null = null;
    return steps.map(({ kind, before, behind, unknown }, at) => {
      const moment = at * 10;
      const outcome: Outcome = unknown && kind !== "get" ? "unknown" : "done";
      const bounds = [
        moment - before + at / 1000,
        outcome === "unknown" ? never : moment + behind + at / 1000,
      ] as const;
      if (kind === "get") return operation("get", ...bounds, state);
      const found: number = state === null ? 0 : 1;
      state = kind === "set" ? `v${at}` : null;
      return operation(kind, ...bounds, kind === "set" ? state : found, outcome);
    });
  });

test("whatever was made by taking effect at one moment is explained", () => {
  fc.assert(fc.property(explainable, (history) => checkKey(history).linearizable === true));
});

test("it agrees with trying all orders", () => {
  const any = fc.array(
    fc.record({
      kind: fc.constantFrom("set" as const, "get" as const, "del" as const),
      began: fc.integer({ min: 0, max: 60 }),
      length: fc.integer({ min: 1, max: 30 }),
      seen: fc.integer({ min: 0, max: 5 }),
      unknown: fc.boolean(),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(any, (steps) => {
      const history = steps.map(({ kind, began, length, seen, unknown }, at) => {
        const outcome: Outcome = unknown && kind !== "get" ? "unknown" : "done";
        const from = began * 10 + at;
        const to = outcome === "unknown" ? never : (began + length) * 10 + at;
        const what = kind === "set" ? `v${at}` : kind === "get" ? (seen < steps.length ? `v${seen}` : null) : seen % 2;
        return operation(kind, from, to, what, outcome);
      });
      return checkKey(history).linearizable === everyOrder(history, null);
    }),
    { numRuns: 2_000 },
  );
});

/** The definition, tried out. */
function everyOrder(open: readonly Operation[], state: string | null): boolean {
  if (open.every(({ outcome }) => outcome === "unknown")) return true;
  const end = Math.min(...open.map(({ ended }) => ended));
  return open.some((next) => {
    if (next.began > end) return false;
    const rest = open.filter((other) => other !== next);
    if (next.kind === "set") return everyOrder(rest, next.value);
    if (next.kind === "get") return next.result === state && everyOrder(rest, state);
    return (next.outcome === "unknown" || next.result === (state === null ? 0 : 1)) && everyOrder(rest, null);
  });
}
