import type { Machine } from "../node/index.ts";
import type { World } from "../world/index.ts";

/** A node that ended without a fault that says for how long. */
const AWAY_MS = 300;
/** A node that refuses its directory does so again; the launcher tries all the same. */
const REFUSED_MS = 5_000;

/** Starts nodes again that have ended, as `sherd machine` does. */
export class Launcher {
  readonly #world: World;
  readonly #machines: readonly Machine[];
  readonly #awayMs: Map<Machine, number> = new Map();
  #faultsOver = false;

  constructor(world: World, machines: readonly Machine[]) {
    this.#world = world;
    this.#machines = machines;
    for (const machine of machines) machine.onEnded = () => this.#ended(machine);
  }

  /** How long the node is away when it ends next. */
  stayAway(machine: Machine, awayMs: number): void {
    this.#awayMs.set(machine, awayMs);
  }

  /** Everything is started now. What refuses its directory after that stays down. */
  endFaults(): void {
    this.#faultsOver = true;
    for (const machine of this.#machines) this.#start(machine);
  }

  #ended(machine: Machine): void {
    const asked = this.#awayMs.get(machine) ?? AWAY_MS;
    this.#awayMs.delete(machine);
    if (machine.refusal !== undefined && this.#faultsOver) return;
    this.#world.after(machine.refusal === undefined ? asked : Math.max(asked, REFUSED_MS), () => this.#start(machine));
  }

  /** Whoever moves a node writes it into the cluster's file: a start passes where the others are then. */
  #start(machine: Machine): void {
    if (machine.alive) return;
    const others = this.#machines.filter((other) => other !== machine);
    machine.seeds = others.map(({ info: { addresses } }) => `${addresses.host}:${addresses.peerPort}`);
    machine.start();
  }
}
