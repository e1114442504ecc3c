import type { FaultPlan } from "./faults/index.ts";
import type { NetworkOptions } from "./network/index.ts";
import type { Sizes } from "./node/index.ts";
import { PROFILES, type ProfileKind } from "./profiles.ts";
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
  /** The same, of one read; not given: fast. */
  readonly diskReadMs?: readonly [number, number];
  /** The same, of a request to the engine. */
  readonly engineMs: readonly [number, number];
  readonly clients: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

const KIB = 1024;

/** `name`: one of PROFILES. */
export function drawProfile(random: Random, name = "default"): Profile {
  const kind = PROFILES[name];
  if (kind === undefined) {
    throw new RangeError(`There is no profile "${name}", but there are ${Object.keys(PROFILES).join(", ")}.`);
  }
  // Nodes that are away for long, beside a log that soon drops what they lack: they come back by snapshot.
  const compacting = random.chance(0.3);
  const profile: Profile = {
    network: drawNetwork(random, kind.network),
    faults: drawFaults(random, kind, compacting),
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
  return kind.tight === true ? tighten(random, profile) : profile;
}

/** Every limit that a node is given is met all the time, and its disk is too slow for what is asked of it. */
function tighten(random: Random, profile: Profile): Profile {
  return {
    ...profile,
    sizes: {
      log: {
        directory: "log",
        segmentBytes: 24 * KIB,
        frameBytesMax: 20 * KIB,
        retainedBytesMax: 24 * KIB,
        pinnedBytesMax: 24 * KIB,
        carryBytesMax: 10 * KIB,
      },
      store: {
        cacheBytesMax: KIB,
        memtableBytesMax: 8 * KIB,
        flushBytes: 2 * KIB,
        fetchedBytesMax: KIB,
        headValueBytesMax: 0,
        filtersBytesMax: 0,
      },
      raft: {
        messageBytesMax: 512,
        inflightMessagesMax: 2,
        uncommittedBytesMax: KIB,
        committedBytesMax: 4 * KIB,
        nodeBytesMax: 64 * KIB,
      },
    },
    diskReadMs: random.chance(0.5) ? [5, 80] : [0.1, 1],
    engineMs: [1, 60],
    clients: 6 + random.below(6),
    longValueBytes: 256,
    longValueProbability: 0.7,
  };
}

function drawNetwork(random: Random, kind: ProfileKind["network"]): NetworkOptions {
  const chance = (probability: number): boolean => random.chance({ good: 0, any: probability, bad: 0.8 }[kind]);
  return {
    latencyMs: chance(0.2) ? [5, 40] : [0.05, 1 + random.below(4)],
    lossProbability: chance(0.3) ? random.between(0, 0.05) : 0,
    reorderProbability: chance(0.3) ? random.between(0, 0.2) : 0,
    duplicateProbability: chance(0.2) ? random.between(0, 0.05) : 0,
    lateProbability: random.chance(0.5) ? random.between(0, 1) : 0,
  };
}

/** Faults of all nodes at once end everything that others have begun. */
const RARE = { "crash all": 0.25, "readdress all": 0.25, "partition all": 0.25, "clock jumps far": 0.25 };

function drawFaults(
  random: Random,
  { faults, share, everyMs, beyondBudget }: ProfileKind,
  compacting: boolean,
): FaultPlan {
  const weights: Record<string, number> = {};
  for (const kind of faults) {
    const rare = (RARE as Readonly<Record<string, number>>)[kind] ?? 1;
    weights[kind] = random.chance(share) ? rare * random.between(0.2, 1) : 0;
  }
  if (compacting && faults.includes("crash")) weights["crash"] = 1;
  if (faults.length > 0 && Object.values(weights).every((weight) => weight === 0)) weights[random.pick(faults)] = 1;
  const fast = random.chance(0.3);
  return {
    weights,
    everyMs: everyMs ?? (fast ? [20, 800] : [200, 4_000]),
    awayMs: random.chance(0.5) ? [10, 300] : [10, 2_500],
    longAwayProbability: compacting ? 0.7 : random.pick([0, 0.2]),
    beyondBudget: beyondBudget === true,
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
    store: { cacheBytesMax: random.chance(0.5) ? 4 * KIB : 1024 * KIB },
  };
}
