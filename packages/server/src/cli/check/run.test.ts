import { expect, test } from "vitest";
import { DELETED_NOTHING, DELETED_UNTOLD, MISSING } from "../target/types.ts";
import { type Fault, MapTarget } from "../testing/fake-stores.ts";
import { type Difference, runCheck } from "./run.ts";

const PLAN = { iterations: 1_000, seed: 42 };

async function check(fault?: Fault): Promise<{ difference: Difference | undefined; target: MapTarget; last: number }> {
  const target = new MapTarget(fault);
  let last = 0;
  const difference = await runCheck(target, PLAN, (operations) => {
    last = operations;
  });
  return { difference, target, last };
}

test("a right store passes: puts at first, then the mix of the issue", async () => {
  const { difference, target, last } = await check();
  expect(difference).toBeUndefined();
  expect(last).toBe(2_000);
  const count = (name: string, from: number): number =>
    target.operations.slice(from).filter((operation) => operation.name === name).length;
  expect(target.operations.slice(0, 1_000).every(({ name }) => name === "put")).toBe(true);
  expect(count("put", 1_000) / 1_000).toBeCloseTo(0.15, 1);
  expect(count("delete", 1_000) / 1_000).toBeCloseTo(0.35, 1);
  expect(count("get", 1_000) / 1_000).toBeCloseTo(0.5, 1);
});

test("the seed repeats the operations", async () => {
  expect((await check()).target.operations).toEqual((await check()).target.operations);
});

test("keys and values have the lengths of the original's check", async () => {
  for (const operation of (await check()).target.operations) {
    expect(operation.key).toMatch(/^[A-Z0-9]{30,50}$/);
    if (operation.name === "put") expect(operation.value).toMatch(/^[A-Z0-9]{60,100}$/);
  }
});

/** Every wrong store is caught at the operation in which the wrong first shows. */
const wrongStores: readonly (readonly [name: string, Fault])[] = [
  ["loses a write it acknowledged", (_, nth, map) => void (nth === 1_000 && map.clear())],
  ["keeps the old value", (op, _, map) => (op.name === "put" && map.has(op.key) ? { type: "stored" } : undefined)],
  ["brings deleted keys back", (op) => (op.name === "delete" ? { type: "deleted", existed: true } : undefined)],
  ["says that nothing was deleted", (op) => (op.name === "delete" ? DELETED_NOTHING : undefined)],
  ["finds nothing once", (op, nth) => (op.name === "get" && nth > 1_500 ? MISSING : undefined)],
  ["fails once", (_, nth) => (nth === 1_234 ? { type: "failed", kind: "BUSY", text: "BUSY try later" } : undefined)],
  ["answers a get to a put", (op) => (op.name === "put" ? MISSING : undefined)],
  [
    "changes one byte",
    (op, _, map) => {
      const value = map.get(op.key);
      return op.name === "get" && value !== undefined
        ? { type: "value", bytes: Buffer.from(`?${value.slice(1)}`, "latin1") }
        : undefined;
    },
  ],
];

test.each(wrongStores)("a store that %s fails", async (_, fault) => {
  const { difference, last } = await check(fault);
  expect(difference).toBeDefined();
  expect(difference?.operation).toBe(last + 1);
  expect(difference?.expected).not.toBe(difference?.got);
});

test("the difference says what was asked, expected and answered", async () => {
  const { difference, target } = await check((_, nth) => (nth === 3 ? MISSING : undefined));
  const key = target.operations[2]?.key;
  expect(difference).toEqual({ operation: 3, action: "put", key, expected: "stored", got: "missing" });
});

test("an error is never excused, however it is worded", async () => {
  const { difference } = await check((_, nth) =>
    nth === 7 ? { type: "failed", kind: "TRYAGAIN", text: "TRYAGAIN in a moment" } : undefined,
  );
  expect(difference).toMatchObject({ operation: 7, got: "an error: TRYAGAIN in a moment" });
});

test("a protocol that does not tell whether a deleted key was there is not held against the store", async () => {
  const { difference } = await check((op, _, map) => {
    if (op.name !== "delete") return undefined;
    map.delete(op.key);
    return DELETED_UNTOLD;
  });
  expect(difference).toBeUndefined();
});

test("one iteration is enough to begin with, and an emptied store does not stop it", async () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const target = new MapTarget();
    expect(await runCheck(target, { iterations: 2, seed }, () => {})).toBeUndefined();
    expect(target.operations).toHaveLength(4);
  }
});
