import { Random } from "@sherd/sim/world";
import { expect, test } from "vitest";
import { FAULT_KINDS, type Round, type ScheduleOptions, schedule } from "./schedule.ts";

const NODES = ["node-1", "node-2", "node-3", "node-4", "node-5"];
const ALL: ScheduleOptions = { nodes: NODES, kinds: FAULT_KINDS, awayMax: 2, diskNode: "node-5", slow: true };

function rounds(seed: bigint, options: ScheduleOptions, count = 300): Round[] {
  const all = schedule(new Random(seed), options);
  return Array.from({ length: count }, () => all.next().value);
}

test("a seed makes the same schedule again, another seed another one", () => {
  expect(rounds(1n, ALL)).toEqual(rounds(1n, ALL));
  expect(rounds(1n, ALL)).not.toEqual(rounds(2n, ALL));
});

test("never more nodes than may be away, each once, unless all are killed together", () => {
  const seen = new Set<string>();
  for (const { faults } of rounds(3n, ALL)) {
    for (const { kind } of faults) seen.add(kind);
    if (faults[0]?.kind === "restart-all") {
      expect(faults).toHaveLength(1);
      continue;
    }
    const nodes = faults.map((fault) => (fault.kind === "restart-all" ? "all" : fault.node));
    expect(nodes.length).toBeLessThanOrEqual(ALL.awayMax);
    expect(new Set(nodes).size).toBe(nodes.length);
  }
  expect([...seen].sort()).toEqual(
    ["addresses", "cut-off", "disk", "kill", "one-way", "pause", "restart-all", "slow", "unplug"].sort(),
  );
});

test("only what was asked for, on the disk that can be filled, within the time that a node bears", () => {
  for (const { faults } of rounds(5n, { ...ALL, kinds: ["disk", "pause"] })) {
    for (const fault of faults) {
      if (fault.kind === "disk") expect(fault.node).toBe("node-5");
      else expect(fault).toMatchObject({ kind: "pause" });
      // Longer than 10 s, and a node takes its disk for hanging.
      expect(fault.forMs).toBeLessThan(10_000);
    }
  }
});
