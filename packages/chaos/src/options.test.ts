import { expect, test } from "vitest";
import { FAULT_KINDS } from "./faults/index.ts";
import { parseOptions } from "./options.ts";

test("without options: all faults, three nodes, another seed each time", () => {
  expect(parseOptions([])).toMatchObject({ minutes: 5, faults: FAULT_KINDS, nodes: 3, replicas: 3, shards: 5 });
  expect(parseOptions([]).seed).not.toBe(parseOptions([]).seed);
});

test("every node holds every shard, unless told otherwise", () => {
  expect(parseOptions(["--nodes", "5"]).replicas).toBe(5);
  expect(parseOptions(["--nodes", "5", "--replicas", "3"]).replicas).toBe(3);
});

test.each([
  [["--faults", "kill,flood"]],
  [["--minutes", "0"]],
  [["--minutes", "soon"]],
  [["--seed", "-1"]],
  [["--nodes", "3", "--replicas", "4"]],
  [["--unknown"]],
])("%j is refused", (args) => {
  expect(() => parseOptions(args)).toThrow(/--/);
});
