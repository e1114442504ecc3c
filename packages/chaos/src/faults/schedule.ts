import type { Random } from "@sherd/sim/world";

/** What --faults takes. */
export const FAULT_KINDS = ["kill", "pause", "disk", "partition", "restart-all", "addresses"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

interface Timed {
  readonly node: string;
  /** After the beginning of its round. */
  readonly afterMs: number;
  readonly forMs: number;
}

/** One thing that happens to one node (or, `restart-all`, to all) and ends. */
export type Fault =
  /** kill -9; started again after `forMs`, at other addresses if it `moves`. */
  | (Timed & { readonly kind: "kill" | "addresses" })
  /** SIGSTOP, then SIGCONT. */
  | (Timed & { readonly kind: "pause" })
  /** `brim`: not a byte is left; else a little less than the node keeps in reserve. */
  | (Timed & { readonly kind: "disk"; readonly brim: boolean })
  /** Its cable is pulled: nobody reaches it, clients neither. */
  | (Timed & { readonly kind: "unplug" })
  /** Its peers do not reach it and it not them; clients do. */
  | (Timed & { readonly kind: "cut-off" })
  /** What it sends to `to` is lost. */
  | (Timed & { readonly kind: "one-way"; readonly to: string })
  | (Timed & { readonly kind: "slow"; readonly delayMs: number; readonly lossPercent: number })
  | { readonly kind: "restart-all"; readonly afterMs: number; readonly forMs: number; readonly moves: boolean };

/** Faults of different nodes at overlapping times. The next round begins when all have ended. */
export interface Round {
  readonly pauseMs: number;
  readonly faults: readonly Fault[];
}

export interface ScheduleOptions {
  readonly nodes: readonly string[];
  readonly kinds: readonly FaultKind[];
  /** Nodes that may be away at the same time. */
  readonly awayMax: number;
  /** Whose disk can be filled. */
  readonly diskNode: string;
  /** Whether links can be slowed down. */
  readonly slow: boolean;
}

const PAUSE_MS = [200, 4_000] as const;
const AWAY_MS = [0, 6_000] as const;
/** Shorter than 10 s, after which a node takes its disk for hanging and ends. */
const STOPPED_MS = [100, 8_000] as const;
const PARTED_MS = [300, 10_000] as const;
const FULL_MS = [2_000, 8_000] as const;
const ALL_AWAY_MS = [0, 2_000] as const;
/** Faults of one round begin within this time. */
const SPREAD_MS = 3_000;
/** Most rounds break as much as may be broken. */
const ONE_LESS_PROBABILITY = 0.3;
const WHOLE_PROBABILITY = 0.15;

/** What happens in a run. A function of the seed and the options alone; it does not end. */
export function* schedule(random: Random, options: ScheduleOptions): Generator<Round, never> {
  const single = options.kinds.filter((kind) => kind !== "restart-all");
  const whole = options.kinds.includes("restart-all");
  if (single.length === 0 && !whole) throw new RangeError("a schedule needs a kind of fault");
  for (;;) {
    const pauseMs = Math.round(random.between(...PAUSE_MS));
    if (whole && (single.length === 0 || random.chance(WHOLE_PROBABILITY))) {
      const moves = options.kinds.includes("addresses") && random.chance(0.5);
      yield { pauseMs, faults: [{ kind: "restart-all", afterMs: 0, forMs: within(random, ALL_AWAY_MS), moves }] };
      continue;
    }
    const left = [...options.nodes];
    const count = Math.max(1, options.awayMax - (random.chance(ONE_LESS_PROBABILITY) ? 1 : 0));
    const faults: Fault[] = [];
    for (let at = 0; at < count; at += 1) {
      const fault = faultOfOne(random, options, random.pick(single), left, at === 0 ? 0 : random.below(SPREAD_MS));
      if (fault !== undefined) faults.push(fault);
    }
    yield { pauseMs, faults };
  }
}

const within = (random: Random, [low, high]: readonly [number, number]): number =>
  Math.round(random.between(low, high));

/** Takes its node from those that are `left`; undefined when it can only happen to one that is not. */
function faultOfOne(
  random: Random,
  options: ScheduleOptions,
  kind: Exclude<FaultKind, "restart-all">,
  left: string[],
  afterMs: number,
): Fault | undefined {
  const node = kind === "disk" ? options.diskNode : random.pick(left);
  if (!left.includes(node)) return undefined;
  left.splice(left.indexOf(node), 1);
  switch (kind) {
    case "kill":
    case "addresses":
      return { kind, node, afterMs, forMs: within(random, AWAY_MS) };
    case "pause":
      return { kind, node, afterMs, forMs: within(random, STOPPED_MS) };
    case "disk":
      return { kind, node, afterMs, forMs: within(random, FULL_MS), brim: random.chance(0.4) };
    case "partition":
      return parted(random, options, { node, afterMs, forMs: within(random, PARTED_MS) });
  }
}

function parted(random: Random, { nodes, slow }: ScheduleOptions, timed: Timed): Fault {
  const others = nodes.filter((name) => name !== timed.node);
  switch (random.below(slow ? 4 : 3)) {
    case 0:
      return { kind: "unplug", ...timed };
    case 1:
      return { kind: "cut-off", ...timed };
    case 2:
      return others.length === 0
        ? { kind: "unplug", ...timed }
        : { kind: "one-way", ...timed, to: random.pick(others) };
    default:
      return { kind: "slow", ...timed, delayMs: 20 + random.below(180), lossPercent: random.below(6) };
  }
}

export function describeFault(fault: Fault): string {
  const { kind, forMs } = fault;
  switch (kind) {
    case "restart-all":
      return `kill -9 of all nodes for ${forMs} ms${fault.moves ? ", to other addresses" : ""}`;
    case "kill":
      return `kill -9 of ${fault.node} for ${forMs} ms`;
    case "addresses":
      return `kill -9 of ${fault.node} for ${forMs} ms, to other addresses`;
    case "pause":
      return `SIGSTOP of ${fault.node} for ${forMs} ms`;
    case "disk":
      return `${fault.node}'s disk ${fault.brim ? "full to the brim" : "nearly full"} for ${forMs} ms`;
    case "unplug":
      return `${fault.node} unplugged for ${forMs} ms`;
    case "cut-off":
      return `${fault.node} cut off from its peers for ${forMs} ms`;
    case "one-way":
      return `${fault.node} does not reach ${fault.to} for ${forMs} ms`;
    case "slow":
      return `${fault.node}'s link ${fault.delayMs} ms slower, ${fault.lossPercent} % lost, for ${forMs} ms`;
  }
}
