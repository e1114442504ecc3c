import type { Wanted as Recorded, Watched } from "../checkers/index.ts";
import type { Random } from "../world/index.ts";

/** What a client wants to do next. */
export interface Wanted extends Recorded {
  /** Of its history. */
  readonly key: string;
  /** WATCH of what it reads goes before it; a transaction that depends on it comes next. */
  readonly watch?: boolean;
}

/** What kinds of data a client works with. A model of the checkers stands behind each. */
export const WORKLOADS = ["registers", "slots", "expiring", "counters", "lists", "transactions"] as const;
export type Workload = (typeof WORKLOADS)[number];

export interface Mixture {
  /** Relative to the others; 0: never. */
  readonly weights: Readonly<Record<Workload, number>>;
  /** Of a few registers rather than many. */
  readonly hotProbability: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  /** The many registers are all in one slot. */
  readonly crowded: boolean;
  /** Of the longer values. */
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

const COUNTERS = 4;
const LISTS = 4;
const EXPIRING = 6;
const EXPIRES_MS_MAX = 2_000;
/** Hash tags of transactions. */
const TRANSACTION_TAGS = 24;
const TRANSACTION_COMMANDS_MAX = 4;
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
    case "transactions":
      return chooseTransaction(random);
  }
}

const single = (kind: Recorded["kind"], key: string): Wanted => ({ kind, key, keys: [key] });

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
  const key = hot
    ? `hot:${random.below(mixture.hotKeys)}`
    : `${mixture.crowded ? "{wide}" : "wide"}:${random.below(mixture.wideKeys)}`;
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

type Part = NonNullable<Recorded["commands"]>[number];

/** Keys of one tag: two values and a counter, which only transactions change. */
function chooseTransaction(random: Random): Wanted {
  const key = `{txn:${random.below(TRANSACTION_TAGS)}}`;
  const [first, second, counter] = [`${key}a`, `${key}b`, `${key}n`];
  const all = [first, second, counter];
  switch (random.below(8)) {
    case 0:
      return { kind: "mget", key, keys: all };
    case 1:
      return { kind: random.chance(0.7) ? "set" : "del", key, keys: [random.pick([first, second])] };
    case 2:
      return exec(key, [
        { kind: "mget", keys: [first, second] },
        { kind: "get", keys: [counter] },
      ]);
    case 3:
    case 4: {
      const count = 1 + random.below(TRANSACTION_COMMANDS_MAX);
      return exec(
        key,
        Array.from({ length: count }, () => choosePart(random, [first, second], counter)),
      );
    }
    default:
      return random.chance(0.5)
        ? { kind: "get", key, keys: [random.pick(all)], watch: true }
        : { kind: "mget", key, keys: all, watch: true };
  }
}

function exec(key: string, commands: readonly Part[], watched: readonly Watched[] = []): Wanted {
  const keys = [...new Set([...watched.map((one) => one.key), ...commands.flatMap((command) => command.keys)])];
  return { kind: "exec", key, keys, commands, watched };
}

function choosePart(random: Random, values: readonly string[], counter: string): Part {
  const one = [random.pick(values)];
  switch (random.below(7)) {
    case 0:
      return { kind: "get", keys: [random.pick([...values, counter])] };
    case 1:
      return { kind: "mget", keys: [...values, counter] };
    case 2:
      return { kind: "del", keys: random.chance(0.5) ? one : values };
    case 3:
      return { kind: "mset", keys: values };
    case 4:
      return { kind: "set", keys: one, only: random.chance(0.5) ? "nx" : "xx" };
    case 5:
      return { kind: "set", keys: one };
    default:
      return { kind: "incr", keys: [counter] };
  }
}

/** What a client does with what it has read of the keys that it watches: compare, and set. */
export function chooseDependent(random: Random, key: string, watched: readonly Watched[]): Wanted {
  const values = [`${key}a`, `${key}b`];
  const counter = `${key}n`;
  const depends: Part[] = watched.map((one) =>
    one.key === counter ? { kind: "incr", keys: [counter] } : { kind: "set", keys: [one.key] },
  );
  return exec(key, random.chance(0.5) ? depends : [...depends, choosePart(random, values, counter)], watched);
}
