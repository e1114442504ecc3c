import { assert } from "sherd/core/base";
import type { ClusterMap } from "sherd/core/meta";
import type { SimNetwork } from "../network/index.ts";
import type { Machine } from "../node/index.ts";
import type { Random, World } from "../world/index.ts";
import { Budget } from "./budget.ts";
import type { FaultPlan, Stage } from "./fault.ts";
import { Launcher } from "./launcher.ts";
import { drawSchedule, FAULTS, streamOf } from "./schedule.ts";
import type { FaultStep } from "./step.ts";

export interface FaultsOptions {
  readonly world: World;
  readonly machines: readonly Machine[];
  readonly network: SimNetwork;
  readonly map: ClusterMap;
  readonly plan: FaultPlan;
  /** No fault comes later than this. */
  readonly untilMs: number;
  /** Ordinals of the only steps that come. Those left out change nothing about what the others are. */
  readonly only?: ReadonlySet<number> | undefined;
}

/** Injects the faults of a schedule until it is stopped, then puts everything in order again. */
export class Faults {
  /** What was drawn for this seed, in order, also what is left out. */
  readonly schedule: readonly FaultStep[];
  /** What was injected so far. */
  readonly injected: FaultStep[] = [];
  /** Which disks the run has made unsound, and what may be promised then. */
  readonly budget: Budget;
  readonly #options: FaultsOptions;
  readonly #random: Random;
  readonly #stage: Stage;
  #stopped = false;

  constructor(options: FaultsOptions) {
    const { world, machines, network, map, plan, untilMs } = options;
    this.#options = options;
    this.#random = world.random.stream("faults");
    this.budget = new Budget(map, plan.beyondBudget);
    this.schedule = drawSchedule(this.#random, { nodes: machines.map(({ name }) => name), plan }, untilMs);
    this.#stage = {
      world,
      machines,
      network,
      budget: this.budget,
      launcher: new Launcher(world, machines),
      machine(name) {
        const machine = machines.find((candidate) => candidate.name === name);
        assert(machine !== undefined, `there is a node ${name}`);
        return machine;
      },
      after: (delayMs, event) => world.after(delayMs, () => this.#stopped || event()),
    };
  }

  start(): void {
    const { world, only } = this.#options;
    for (const step of this.schedule) {
      if (only?.has(step.ordinal) !== false) world.after(step.atMs - world.nowMs, () => this.#inject(step));
    }
  }

  /** No more faults: heals, wakes and starts everything. */
  stop(): void {
    const { world, network, machines } = this.#options;
    this.#stopped = true;
    world.trace.event("faults end");
    network.heal();
    for (const machine of machines) machine.heal();
    this.#stage.launcher.endFaults();
  }

  #inject(step: FaultStep): void {
    if (this.#stopped) return;
    const { ordinal, kind, parameters } = step;
    const { world } = this.#options;
    world.trace.event(`fault ${ordinal}: ${kind} ${JSON.stringify(parameters)}`);
    const broken = FAULTS[kind]?.inject(this.#stage, parameters, streamOf(this.#random, ordinal, "effect"));
    if (broken === false) {
      world.trace.event(`fault ${ordinal}: nothing to break`);
      return;
    }
    this.injected.push(step);
    world.coverage.count(`fault: ${kind}`);
  }
}
