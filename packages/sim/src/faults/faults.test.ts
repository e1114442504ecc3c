import { groupId, type NodeId } from "sherd/core/base";
import { expect, test } from "vitest";
import { Cluster } from "../cluster.ts";
import { makePlan } from "../plan.ts";
import { drawProfile } from "../profile.ts";
import { PROFILES } from "../profiles.ts";
import { Random, World } from "../world/index.ts";
import { Budget, FAULT_KINDS, type FaultStep, Faults } from "./index.ts";
import { drawSchedule } from "./schedule.ts";

const NODES = ["n1", "n2", "n3"];
const everything = {
  weights: Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 1])),
  everyMs: [10, 100] as const,
  awayMs: [10, 100] as const,
  longAwayProbability: 0.1,
  beyondBudget: false,
};

const draw = (seed: bigint, untilMs: number): FaultStep[] =>
  drawSchedule(new Random(seed), { nodes: NODES, plan: everything }, untilMs);

test("a schedule is plain data and the same for a seed, with every kind of fault in it", () => {
  const steps = draw(1n, 60_000);
  expect(JSON.parse(JSON.stringify(steps))).toEqual(draw(1n, 60_000));
  expect(new Set(steps.map(({ kind }) => kind))).toEqual(new Set(FAULT_KINDS));
  expect(steps.map(({ atMs }) => atMs)).toEqual(steps.map(({ atMs }) => atMs).toSorted((left, right) => left - right));
});

test("what comes earlier decides nothing about what comes later", () => {
  expect(draw(1n, 60_000).slice(0, 100)).toEqual(draw(1n, 30_000).slice(0, 100));
  const fewer = { ...everything, weights: { ...everything.weights, crash: 0 } };
  const times = drawSchedule(new Random(1n), { nodes: NODES, plan: fewer }, 60_000).map(({ atMs }) => atMs);
  expect(times).toEqual(draw(1n, 60_000).map(({ atMs }) => atMs));
});

test("steps that are left out do not come, and the others come as they were drawn", () => {
  const inject = (only?: ReadonlySet<number>): { faults: Faults; crashes: number } => {
    const world = new World(3n);
    const profile = drawProfile(new Random(3n));
    const cluster = new Cluster(world, { ...profile, nodes: 3, shards: 1, sabotage: undefined });
    const { machines, network, plan: map } = cluster;
    const plan = { ...everything, weights: { crash: 1, "clock jumps": 1 }, everyMs: [200, 400] as const };
    const faults = new Faults({ world, machines, network, map, plan, untilMs: 5_000, only });
    cluster.start();
    faults.start();
    world.run(6_000);
    return { faults, crashes: world.coverage.of("fault: crash") };
  };
  const all = inject();
  expect(all.crashes).toBeGreaterThan(0);
  const jumps = all.faults.schedule.filter(({ kind }) => kind === "clock jumps");
  const some = inject(new Set(jumps.map(({ ordinal }) => ordinal)));
  expect(some.faults.schedule).toEqual(all.faults.schedule);
  expect(some.faults.injected).toEqual(jumps);
  expect(some.crashes).toBe(0);
});

test("the budget is a minority of every group, and once spent stays spent", () => {
  const plan = makePlan(5, 2);
  const nodes = [...plan.nodes.keys()] as [NodeId, NodeId, NodeId, NodeId, NodeId];
  const budget = new Budget(plan, false);
  expect(nodes.map((node) => budget.spend(node))).toEqual([true, true, false, false, false]);
  expect(budget.spend(nodes[0])).toBe(true);
  expect(budget.budgetExceeded).toBe(false);
  expect([...budget.unsoundNodes]).toEqual(nodes.slice(0, 2));
  expect([...budget.unsoundGroups]).toEqual([0, 1, 2].map(groupId));
});

test("a run beyond the budget may lose any disk, but empties a minority at most", () => {
  const plan = makePlan(3, 1);
  const nodes = [...plan.nodes.keys()] as [NodeId, NodeId, NodeId];
  const budget = new Budget(plan, true);
  expect(budget.spend(nodes[0], "minority")).toBe(true);
  expect(budget.spend(nodes[1], "minority")).toBe(false);
  expect(budget.budgetExceeded).toBe(false);
  expect(budget.spend(nodes[1])).toBe(true);
  expect(budget.budgetExceeded).toBe(true);
});

test("one node alone has no disk to spare", () => {
  const plan = makePlan(1, 1);
  expect(new Budget(plan, false).spend([...plan.nodes.keys()][0] as NodeId)).toBe(false);
});

test("every profile can be drawn, and draws only what it names", () => {
  for (const [name, { faults }] of Object.entries(PROFILES)) {
    for (let seed = 1n; seed <= 50n; seed += 1n) {
      const { weights } = drawProfile(new Random(seed), name).faults;
      expect(faults).toEqual(expect.arrayContaining(Object.keys(weights)));
      expect(Object.values(weights).some((weight) => weight > 0)).toBe(faults.length > 0);
    }
  }
  expect(() => drawProfile(new Random(1n), "nothing")).toThrow(/no profile "nothing".*calm/);
});
