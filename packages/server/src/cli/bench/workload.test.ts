import { expect, test } from "vitest";
import { type OperationName, OperationSource, PRESETS, type Workload } from "./workload.ts";

const base: Workload = { ...PRESETS.hits, keyBytes: { min: 30, max: 50 }, valueBytes: { min: 60, max: 100 } };

interface Issued {
  readonly name: OperationName;
  readonly key: string;
}

/** Acknowledges every put at once. */
function issue(workload: Workload, count: number, seed = 1, worker = 0): Issued[] {
  const source = new OperationSource(workload, seed, worker);
  return Array.from({ length: count }, () => {
    const name = source.next();
    if (name === "put") {
      expect(source.value.length).toBeGreaterThanOrEqual(workload.valueBytes.min);
      expect(source.value.length).toBeLessThanOrEqual(workload.valueBytes.max);
      source.stored(source.key);
    }
    return { name, key: Buffer.from(source.key).toString() };
  });
}

const share = (issued: readonly Issued[], name: OperationName): number =>
  issued.filter((operation) => operation.name === name).length / issued.length;

test("the mix is kept", () => {
  const issued = issue({ ...base, ...PRESETS["original-thirds"] }, 30_000);
  for (const name of ["put", "get", "delete"] as const) expect(share(issued, name)).toBeCloseTo(1 / 3, 1);
  expect(share(issue({ ...base, mix: { put: 0, get: 1, delete: 0 } }, 100), "get")).toBe(0.99);
});

test("original: every operation takes a key nobody has seen", () => {
  const issued = issue({ ...base, ...PRESETS.original }, 10_000);
  expect(new Set(issued.map(({ key }) => key)).size).toBe(10_000);
  expect(share(issued, "get")).toBeCloseTo(0.25, 1);
});

test("hits: gets and deletes take keys that are there", () => {
  const there = new Set<string>();
  const issued = issue(base, 10_000);
  for (const { name, key } of issued) {
    if (name === "put") there.add(key);
    else expect(there.has(key)).toBe(true);
    if (name === "delete") there.delete(key);
  }
  expect(share(issued, "get")).toBeCloseTo(0.25, 1);
  expect(share(issued, "delete")).toBeCloseTo(0.25, 1);
});

test("hits: a key whose put is not acknowledged is not taken", () => {
  const source = new OperationSource({ ...base, mix: { put: 0, get: 1, delete: 0 } }, 1, 0);
  expect([source.next(), source.next()]).toEqual(["put", "put"]);
  source.stored(source.key);
  expect(source.next()).toBe("get");
});

test("a seed repeats a worker; workers of one run differ", () => {
  expect(issue(base, 500, 9, 3)).toEqual(issue(base, 500, 9, 3));
  expect(issue(base, 500, 9, 3)).not.toEqual(issue(base, 500, 9, 4));
});

test("keys are within their bounds, both ends included", () => {
  const lengths = new Set(issue({ ...base, keyBytes: { min: 8, max: 10 } }, 1_000).map(({ key }) => key.length));
  expect([...lengths].sort((left, right) => left - right)).toEqual([8, 9, 10]);
});
