import type { Wanted } from "@sherd/sim/checkers";
import type { Random } from "@sherd/sim/world";
import type { LiveKey } from "./key-ring.ts";

const LONG_VALUE_PROBABILITY = 0.03;
const LONG_VALUE_BYTES = 100_000;
const VALUE_BYTES = 200;
/** Of a slot, the keys that are used together. */
const MEMBERS = ["a", "b", "c"] as const;

export function chooseOperation(random: Random, { kind, name }: LiveKey): Wanted {
  const at = random.fraction();
  const one = (operation: Wanted["kind"], valueBytes = 0): Wanted => {
    return { kind: operation, keys: [name], valueBytes };
  };
  switch (kind) {
    case "counter":
      return one(at < 0.6 ? "incr" : "get");
    case "list":
      return one(at < 0.6 ? "append" : "get");
    case "register":
      if (at < 0.45) return one("get");
      return at < 0.9 ? one("set", valueBytes(random)) : one(at < 0.95 ? "del" : "exists");
    case "slot":
      return chooseInSlot(random, at, name);
  }
}

/** Several keys of one slot: what is done to them together must be seen together. */
function chooseInSlot(random: Random, at: number, tag: string): Wanted {
  const all = MEMBERS.map((member) => tag + member);
  const one = [random.pick(all)];
  const on = (kind: Wanted["kind"], keys: readonly string[]): Wanted => ({ kind, keys, valueBytes: 0 });
  if (at < 0.2) return on("get", one);
  if (at < 0.4) return on("mget", all);
  if (at < 0.5) return on("exists", all);
  if (at < 0.6) return on("del", random.chance(0.5) ? all : one);
  if (at < 0.7) return on("mset", all);
  const wanted = on("set", one);
  return at < 0.85 ? wanted : { ...wanted, only: random.chance(0.6) ? "nx" : "xx" };
}

function valueBytes(random: Random): number {
  return random.below(random.chance(LONG_VALUE_PROBABILITY) ? LONG_VALUE_BYTES : VALUE_BYTES);
}
