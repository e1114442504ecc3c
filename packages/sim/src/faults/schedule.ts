import { assert } from "sherd/core/base";
import type { Random } from "../world/index.ts";
import { addressFaults } from "./address-faults.ts";
import { clockFaults } from "./clock-faults.ts";
import { diskFaults } from "./disk-faults.ts";
import type { Cast, Fault } from "./fault.ts";
import { networkFaults } from "./network-faults.ts";
import { operatorActions } from "./operators.ts";
import { processFaults } from "./process-faults.ts";
import type { FaultStep } from "./step.ts";

/** Everything that can go wrong, by kind. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  ...processFaults,
  ...networkFaults,
  ...diskFaults,
  ...clockFaults,
  ...addressFaults,
  ...operatorActions,
};

export const FAULT_KINDS: readonly string[] = Object.keys(FAULTS);
export const PROCESS_FAULTS: readonly string[] = Object.keys(processFaults);
export const NETWORK_FAULTS: readonly string[] = Object.keys(networkFaults);
export const DISK_FAULTS: readonly string[] = Object.keys(diskFaults);
export const CLOCK_FAULTS: readonly string[] = Object.keys(clockFaults);
export const ADDRESS_FAULTS: readonly string[] = Object.keys(addressFaults);

/** The random numbers of one step, for its parameters or for its effect. */
export const streamOf = (random: Random, ordinal: number, what: "parameters" | "effect"): Random =>
  random.stream(`fault ${ordinal}`).stream(what);

/** All faults of a run, up to a time. Each is drawn from a stream of its own, so that none depends on another. */
export function drawSchedule(random: Random, cast: Cast, untilMs: number): FaultStep[] {
  for (const kind of Object.keys(cast.plan.weights)) assert(kind in FAULTS, `there is a fault "${kind}"`);
  const times = random.stream("times");
  const steps: FaultStep[] = [];
  if (Object.values(cast.plan.weights).every((weight) => weight === 0)) return steps;
  for (let atMs = times.between(...cast.plan.everyMs); atMs < untilMs; atMs += times.between(...cast.plan.everyMs)) {
    const ordinal = steps.length;
    const drawn = streamOf(random, ordinal, "parameters");
    const kind = drawKind(drawn, cast.plan.weights);
    const parameters = FAULTS[kind]?.draw(drawn, cast);
    if (parameters !== undefined) steps.push({ ordinal, atMs, kind, parameters });
  }
  return steps;
}

function drawKind(random: Random, weights: Readonly<Record<string, number>>): string {
  const kinds = Object.entries(weights).filter(([, weight]) => weight > 0);
  let at = random.fraction() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    at -= weight;
    if (at < 0) return kind;
  }
  return (kinds.at(-1) as [string, number])[0];
}
