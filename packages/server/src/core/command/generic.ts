import type { Slot } from "../base/index.ts";
import { type CommandContext, type CommandSpec, NOT_RESIDENT, ONE, type Reply, ZERO } from "./types.ts";

const ANY_NUMBER_OF_KEYS = { first: 1, last: -1, step: 1 } as const;
const MULTI_SHARD = ["request_policy:multi_shard", "response_policy:agg_sum"] as const;

const count = (value: number): Reply => (value === 0 ? ZERO : value === 1 ? ONE : { type: "integer", value });

/** Nothing may happen before every key is known to be resident: a command takes effect once, or not yet. */
function allResident(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): boolean {
  for (let i = 0; i < args.length; i += 1) {
    if (context.get(slot, context.latin1(args[i] as Uint8Array)) === undefined) return false;
  }
  return true;
}

/** Group "generic": keys of any type. */
export const genericCommands: readonly CommandSpec[] = [
  {
    name: "del",
    opcode: 3,
    arity: -2,
    flags: ["write"],
    keys: ANY_NUMBER_OF_KEYS,
    since: "1.0.0",
    group: "generic",
    summary: "Removes keys of one slot, all in one step, and says how many there were.",
    tips: MULTI_SHARD,
    run(context, slot, args) {
      if (!allResident(context, slot, args)) return NOT_RESIDENT;
      let deleted = 0;
      for (let i = 0; i < args.length; i += 1) {
        if (context.delete(slot, context.latin1(args[i] as Uint8Array))) deleted += 1;
      }
      return count(deleted);
    },
  },
  {
    name: "exists",
    opcode: 4,
    arity: -2,
    flags: ["readonly", "fast"],
    keys: ANY_NUMBER_OF_KEYS,
    since: "1.0.0",
    group: "generic",
    summary: "How many of the given keys of one slot exist; a key given twice counts twice.",
    tips: MULTI_SHARD,
    run(context, slot, args) {
      let found = 0;
      for (let i = 0; i < args.length; i += 1) {
        const row = context.get(slot, context.latin1(args[i] as Uint8Array));
        if (row === undefined) return NOT_RESIDENT;
        if (row !== null) found += 1;
      }
      return count(found);
    },
  },
];
