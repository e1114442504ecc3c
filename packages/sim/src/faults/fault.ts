import type { SimNetwork } from "../network/index.ts";
import type { Machine } from "../node/index.ts";
import type { Random, World } from "../world/index.ts";
import type { Budget } from "./budget.ts";
import type { Launcher } from "./launcher.ts";
import type { FaultStep } from "./step.ts";

/** How a run draws its faults. */
export interface FaultPlan {
  /** How often each kind of fault comes, relative to the others. Kinds that are not named never come. */
  readonly weights: Readonly<Record<string, number>>;
  /** Shortest and longest time between two faults. */
  readonly everyMs: readonly [number, number];
  /** How long a node that ended is away: mostly short; sometimes long enough for others to drop what it lacks. */
  readonly awayMs: readonly [number, number];
  readonly longAwayProbability: number;
  /** Disks of majorities may become unsound: all that is promised then is that nothing wrong is served. */
  readonly beyondBudget: boolean;
}

/** What a fault can be drawn from. */
export interface Cast {
  /** Names, at least one. */
  readonly nodes: readonly string[];
  readonly plan: FaultPlan;
}

/** What a fault acts on. */
export interface Stage {
  readonly world: World;
  readonly network: SimNetwork;
  readonly machines: readonly Machine[];
  readonly launcher: Launcher;
  readonly budget: Budget;
  machine(name: string): Machine;
  /** The end of a fault that lasts. */
  after(delayMs: number, event: () => void): void;
}

/** One kind of fault. Both sides are given a stream of random numbers that belongs to the step alone. */
export interface Fault<P extends FaultStep["parameters"] = FaultStep["parameters"]> {
  /** Undefined: not in such a cluster. */
  draw(random: Random, cast: Cast): P | undefined;
  /** `random`: for what depends on what is there when the fault comes. False: there was nothing to break. */
  inject(stage: Stage, parameters: P, random: Random): boolean;
}

/** Of a list of faults with parameters of their own: in the list they are plain data. */
export function fault<P extends FaultStep["parameters"]>(kind: Fault<P>): Fault {
  return kind as unknown as Fault;
}

const LONG_AWAY_MS = [4_000, 12_000] as const;

export function drawAwayMs(random: Random, { plan }: Cast): number {
  return random.chance(plan.longAwayProbability) ? random.between(...LONG_AWAY_MS) : random.between(...plan.awayMs);
}

/** One of the nodes, and another. */
export function drawTwo(random: Random, { nodes }: Cast): { from: string; to: string } | undefined {
  const from = random.pick(nodes);
  const others = nodes.filter((name) => name !== from);
  return others.length === 0 ? undefined : { from, to: random.pick(others) };
}

/** False: the budget does not allow it, or a cluster is still beginning: without a disk of its first nodes it never does. */
export function makeUnsound({ machines, budget }: Stage, machine: Machine, limit?: "minority"): boolean {
  if (!machines.every(({ begun }) => begun) || !budget.spend(machine.info.id, limit)) return false;
  machine.unsound = true;
  return true;
}
