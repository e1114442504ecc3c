import { FAULT_KINDS, type FaultPlan } from "./faults/index.ts";
import type { NetworkOptions } from "./network/index.ts";
import type { Sizes } from "./node/index.ts";
import type { Random } from "./world/index.ts";

/**
 * What one run is like, drawn from its seed: some runs know few kinds of faults and many of them, some have a bad
 * network, some a slow one. Runs that differ find more than runs that all do a little of everything.
 */
export interface Profile {
  readonly network: NetworkOptions;
  readonly faults: FaultPlan;
  readonly sizes: Sizes;
  /** Shortest and longest time of one write to the disk. */
  readonly diskWriteMs: readonly [number, number];
  /** The same, of a request to the engine. */
  readonly engineMs: readonly [number, number];
  readonly clients: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

const KIB = 1024;

export function drawProfile(random: Random): Profile {
  // Nodes that are away for long, beside a log that soon drops what they lack: they come back by snapshot.
  const compacting = random.chance(0.3);
  return {
    network: drawNetwork(random),
    faults: drawFaults(random, compacting),
    sizes: drawSizes(random, compacting),
    diskWriteMs: random.chance(0.3) ? [2, 30] : [0.1, 1],
    engineMs: random.chance(0.3) ? [0.1, 120] : [0.02, 1.5],
    clients: 3 + random.below(8),
    hotKeys: 1 + random.below(6),
    wideKeys: 50 + random.below(300),
    // All that clients may have under way at once must fit into the smallest frame of the log.
    longValueBytes: 2 * KIB,
    longValueProbability: compacting ? 0.7 : random.pick([0.05, 0.4]),
  };
}

function drawNetwork(random: Random): NetworkOptions {
  const slow = random.chance(0.2);
  return {
    latencyMs: slow ? [5, 40] : [0.05, 1 + random.below(4)],
    lossProbability: random.chance(0.3) ? random.between(0, 0.05) : 0,
    reorderProbability: random.chance(0.3) ? random.between(0, 0.2) : 0,
    duplicateProbability: random.chance(0.2) ? random.between(0, 0.05) : 0,
    lateProbability: random.chance(0.5) ? random.between(0, 0.5) : 0,
  };
}

function drawFaults(random: Random, compacting: boolean): FaultPlan {
  const weights = Object.fromEntries(
    FAULT_KINDS.map((kind) => [kind, random.chance(0.6) ? random.between(0.2, 1) : 0]),
  );
  weights["crash all"] = (weights["crash all"] ?? 0) / 4;
  if (compacting || Object.values(weights).every((weight) => weight === 0)) weights["crash"] = 1;
  const fast = random.chance(0.3);
  return {
    weights,
    everyMs: fast ? [20, 800] : [200, 4_000],
    awayMs: random.chance(0.5) ? [10, 300] : [10, 2_500],
    longAwayProbability: compacting ? 0.7 : random.pick([0, 0.2]),
    beyondBudget: false,
  };
}

function drawSizes(random: Random, compacting: boolean): Sizes {
  const small = compacting || random.chance(0.5);
  return {
    log: {
      directory: "log",
      segmentBytes: small ? 64 * KIB : 512 * KIB,
      frameBytesMax: small ? 56 * KIB : 256 * KIB,
      retainedBytesMax: small ? 64 * KIB : 2048 * KIB,
      carryBytesMax: small ? 24 * KIB : 128 * KIB,
    },
    cacheBytesMax: random.chance(0.5) ? 4 * KIB : 1024 * KIB,
  };
}
