import { parseArgs } from "node:util";
import { FAULT_KINDS, type FaultKind } from "./faults/index.ts";

export interface ChaosOptions {
  readonly seed: bigint;
  /** Of faults; see MARGIN_MS for what follows. */
  readonly minutes: number;
  /** Of the schedule, if they are over before the minutes are. */
  readonly rounds: number;
  readonly faults: readonly FaultKind[];
  readonly nodes: number;
  readonly shards: number;
  readonly replicas: number;
  readonly clients: number;
}

export const USAGE: string = `usage: npm run chaos -- [--minutes 5] [--rounds N] [--seed N]
                       [--faults ${FAULT_KINDS.join(",")}]
                       [--nodes 3] [--shards 5] [--replicas N] [--clients 10]`;

const NODES_MAX = 9;
const REPLICAS_MAX = 7;
const SEEDS = 2 ** 32;

/** Throws a RangeError or TypeError that says what is wrong. */
export function parseOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      minutes: { type: "string", default: "5" },
      rounds: { type: "string" },
      faults: { type: "string", default: FAULT_KINDS.join(",") },
      nodes: { type: "string", default: "3" },
      shards: { type: "string", default: "5" },
      replicas: { type: "string" },
      clients: { type: "string", default: "10" },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new RangeError("--minutes takes a number above 0");
  const nodes = integer("nodes", values.nodes, NODES_MAX);
  return {
    seed: values.seed === undefined ? BigInt(Math.floor(Math.random() * SEEDS)) : seedOf(values.seed),
    minutes,
    rounds: values.rounds === undefined ? Number.POSITIVE_INFINITY : integer("rounds", values.rounds, 1_000_000),
    faults: values.faults.split(",").map(faultOf),
    nodes,
    shards: integer("shards", values.shards, 64),
    // Every node holds every shard, so that a minority of the nodes is a minority of each shard.
    replicas: integer(
      "replicas",
      values.replicas ?? String(Math.min(nodes, REPLICAS_MAX)),
      Math.min(nodes, REPLICAS_MAX),
    ),
    clients: integer("clients", values.clients, 200),
  };
}

function seedOf(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new RangeError("--seed takes a whole number");
  return BigInt(text);
}

function faultOf(text: string): FaultKind {
  const kind = FAULT_KINDS.find((candidate) => candidate === text.trim());
  if (kind === undefined) throw new RangeError(`--faults takes ${FAULT_KINDS.join(", ")}; not ${text}`);
  return kind;
}

function integer(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    throw new RangeError(`--${name} takes a number from 1 to ${most}`);
  }
  return value;
}
