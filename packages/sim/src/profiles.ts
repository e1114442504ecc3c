import {
  ADDRESS_FAULTS,
  CLOCK_FAULTS,
  DISK_FAULTS,
  FAULT_KINDS,
  NETWORK_FAULTS,
  PROCESS_FAULTS,
} from "./faults/index.ts";

/** What runs of one profile have in common; `drawProfile` makes each of its seeds a run of its own. */
export interface ProfileKind {
  /** In a few words. */
  readonly what: string;
  /** Kinds that may come, and the probability that a kind does in a run. */
  readonly faults: readonly string[];
  readonly share: number;
  /** Messages lost, late, or twice, and slow links for a whole run: never, in some runs, in most. */
  readonly network: "good" | "any" | "bad";
  /** Shortest and longest time between two faults; not given: drawn. */
  readonly everyMs?: readonly [number, number];
  /** Every limit of a node is tiny. */
  readonly tight?: true;
  /** Disks of majorities become unsound, too. */
  readonly beyondBudget?: true;
}

const DAMAGE = ["bit flips in the log", "bit flips in rows", "write misdirected"];

export const PROFILES: Readonly<Record<string, ProfileKind>> = {
  default: { what: "every kind of fault in about half of the runs", faults: FAULT_KINDS, share: 0.5, network: "any" },
  calm: { what: "no faults", faults: [], share: 0, network: "good" },
  swarm: { what: "a few kinds, each at its own rate", faults: FAULT_KINDS, share: 0.12, network: "any" },
  network: { what: "partitions and bad links", faults: NETWORK_FAULTS, share: 0.7, network: "bad" },
  disk: {
    what: "disks that are slow, full, fail or damage, with crashes",
    faults: [...DISK_FAULTS, ...PROCESS_FAULTS],
    share: 0.7,
    network: "good",
  },
  clocks: {
    what: "clocks that drift and jump, pauses, isolated nodes",
    faults: [...CLOCK_FAULTS, "pause", "isolate", "transfer leader"],
    share: 0.8,
    network: "any",
  },
  crashes: { what: "ends of processes and of power, pauses", faults: PROCESS_FAULTS, share: 0.8, network: "any" },
  addresses: {
    what: "nodes that come back elsewhere or with an empty disk, with partitions",
    faults: [...ADDRESS_FAULTS, "crash", "isolate", "one way", "cut"],
    share: 0.7,
    network: "any",
  },
  tight: {
    what: "tiny limits of log, store and core, slow disks, with ends of processes and bad links",
    faults: [...PROCESS_FAULTS, ...NETWORK_FAULTS, "disk hangs", "disk slow", "transfer leader"],
    share: 0.4,
    network: "any",
    tight: true,
  },
  "beyond-budget": {
    what: "damage to any number of disks: all that is promised is that nothing wrong is served",
    faults: [...DAMAGE, "crash", "crash all", "isolate", "shutdown"],
    share: 0.7,
    network: "good",
    // There must be something to lose.
    everyMs: [200, 2_500],
    beyondBudget: true,
  },
};
