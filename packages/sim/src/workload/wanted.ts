import type { Operation } from "../checkers/index.ts";
import type { Random } from "../world/index.ts";

/** What a client wants to do next. */
export interface Wanted {
  readonly kind: Operation["kind"];
  /** Of its history. */
  readonly key: string;
  readonly keys: readonly string[];
  readonly only?: "nx" | "xx";
  readonly expiresMs?: number;
  readonly valueBytes?: number;
}

/** What kinds of data a client works with. A model of the checkers stands behind each. */
export const WORKLOADS = ["registers", "slots", "expiring", "counters", "lists"] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface Mixture {
  /** Relative to the others; 0: never. */
  readonly weights: Readonly<Record<Workload, number>>;
  /** Of a few registers rather than many. */
  readonly hotProbability: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  /** Of the longer values. */
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

const COUNTERS = 4;
const LISTS = 4;
const EXPIRING = 6;
const EXPIRES_MS_MAX = 2_000;
/** Hash tags, each with a few keys. Many, so that each is used little: unknown outcomes make their search expensive. */
const TAGS = 24;
const TAG_KEYS = ["a", "b", "c"] as const;

export function chooseOperation(random: Random, mixture: Mixture): Wanted {
  switch (chooseWorkload(random, mixture)) {
    case "registers":
      return chooseRegister(random, mixture);
    case "slots":
      return chooseInSlot(random);
    case "expiring":
      return chooseExpiring(random);
    case "counters":
      return single(random.chance(0.7) ? "incr" : "get", `count:${random.below(COUNTERS)}`);
    case "lists":
      return single(random.chance(0.6) ? "append" : "get", `list:${random.below(LISTS)}`);
  }
}

const single = (kind: Operation["kind"], key: string): Wanted => ({ kind, key, keys: [key] });

function chooseWorkload(random: Random, { weights }: Mixture): Workload {
  let at = random.fraction() * WORKLOADS.reduce((sum, workload) => sum + weights[workload], 0);
  for (const workload of WORKLOADS) {
    at -= weights[workload];
    if (at < 0) return workload;
  }
  return "registers";
}

function chooseRegister(random: Random, mixture: Mixture): Wanted {
  const kind = random.chance(0.45) ? "get" : random.chance(0.2) ? "del" : "set";
  const valueBytes = random.chance(mixture.longValueProbability) ? random.below(mixture.longValueBytes) : 0;
  const hot = random.chance(mixture.hotProbability);
  const key = hot ? `hot:${random.below(mixture.hotKeys)}` : `wide:${random.below(mixture.wideKeys)}`;
  return { kind, key, keys: [key], valueBytes };
}

function chooseExpiring(random: Random): Wanted {
  const key = `ttl:${random.below(EXPIRING)}`;
  if (random.chance(0.6)) return single(random.chance(0.1) ? "del" : "get", key);
  const expires = random.chance(0.7) ? { expiresMs: 1 + random.below(EXPIRES_MS_MAX) } : {};
  return { ...single("set", key), ...expires };
}

/** Several keys of one slot: what is done to them together is seen together. */
function chooseInSlot(random: Random): Wanted {
  const key = `{tag:${random.below(TAGS)}}`;
  const all = TAG_KEYS.map((name) => key + name);
  const one = [random.pick(all)];
  const some = random.chance(0.5) ? all : all.slice(random.below(2), 3);
  switch (random.below(7)) {
    case 0:
      return { kind: "get", key, keys: one };
    case 1:
      return { kind: "exists", key, keys: some };
    case 2:
      return { kind: "mget", key, keys: some };
    case 3:
      return { kind: "mset", key, keys: some };
    case 4:
      return { kind: "del", key, keys: random.chance(0.6) ? some : one };
    case 5:
      return { kind: "set", key, keys: one, only: random.chance(0.6) ? "nx" : "xx" };
    default:
      return { kind: "set", key, keys: one };
  }
}
