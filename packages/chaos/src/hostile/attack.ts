import type { PlacedNode } from "../cluster/index.ts";
import type { Dice } from "./dice.ts";

/** What an attack works with. */
export interface Ground {
  /** The node that is attacked. */
  readonly target: PlacedNode;
  readonly dice: Dice;
  /** Multiplies how often things are tried; 1 is the full attack. */
  readonly scale: number;
}

export interface Attack {
  readonly name: string;
  /** For the report: what is sent, in a sentence. */
  readonly what: string;
  run(ground: Ground, tally: Tally): Promise<void>;
}

/** What was tried and how each ended. */
export class Tally {
  readonly outcomes: Map<string, number> = new Map();

  get tried(): number {
    let sum = 0;
    for (const count of this.outcomes.values()) sum += count;
    return sum;
  }

  /** What must not have happened. */
  readonly failures: Set<string> = new Set();

  count(outcome: string, times = 1): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + times);
  }

  fail(outcome: string): void {
    this.count(outcome);
    this.failures.add(outcome);
  }
}

/** How often, at this scale: at least once. */
export const times = (ground: Ground, full: number): number => Math.max(1, Math.round(full * ground.scale));
