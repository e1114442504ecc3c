import { latin1, type Slot, utf8Bytes } from "../base/index.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { container, rowsOf } from "./local.ts";
import { ALL_SHARDS, ALL_SUCCEEDED, CHANGES, SPECIAL_REPLY } from "./tips.ts";
import { type CommandContext, type CommandSpec, NIL, NO_KEYS, NOT_RESIDENT, ONE, type Reply } from "./types.ts";

const KEY_BEHIND_SUBCOMMAND = { first: 2, last: 2, step: 1 } as const;
/** Up to here Redis keeps a string together with its header. */
const EMBEDDED_BYTES_MAX = 44;
/** What a row costs in memory beside its key and value; the store's limits count with the same (design 6). */
const ROW_OVERHEAD_BYTES = 100;

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const nameOf = (args: readonly Uint8Array[]): string => latin1(args[0] as Uint8Array).toLowerCase();

const NO_FREQUENCY = err(
  "An LFU maxmemory policy is not selected, access frequency not tracked. Nothing is evicted here: every key is kept.",
);
const NO_IDLE_TIME = err("idle time is not tracked. Nothing is evicted here: every key is kept.");

function encodingOf(payload: Uint8Array): Reply {
  if (parseInt64(payload) !== undefined) return bulk("int");
  return bulk(payload.length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw");
}

/** What a key is made of. `args` begin with the subcommand's name. */
function runObject(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  const row = context.get(slot, context.latin1(args[1] as Uint8Array));
  if (row === undefined) return NOT_RESIDENT;
  if (row === null) return NIL;
  switch (nameOf(args)) {
    case "encoding":
      return encodingOf(row.payload);
    case "refcount":
      return ONE;
    case "freq":
      return NO_FREQUENCY;
    default:
      return NO_IDLE_TIME;
  }
}

/** All of them are one command on the shard, which looks at its first argument. */
const object = (name: string, summary: string): CommandSpec => ({
  name: `object|${name}`,
  opcode: 79,
  arity: 3,
  flags: ["readonly"],
  keys: KEY_BEHIND_SUBCOMMAND,
  since: "2.2.3",
  group: "generic",
  summary,
  tips: [CHANGES],
  run: runObject,
});

const memoryUsage: CommandSpec = {
  name: "memory|usage",
  opcode: 80,
  arity: -3,
  flags: ["readonly"],
  keys: KEY_BEHIND_SUBCOMMAND,
  values: NO_KEYS,
  since: "4.0.0",
  group: "server",
  summary: "Bytes that the key and its value take in memory when they are there.",
  check(args) {
    if (args.length === 2) return undefined;
    if (args.length !== 4 || latin1(args[2] as Uint8Array).toLowerCase() !== "samples") return SYNTAX_ERROR;
    const samples = parseInt64(args[3] as Uint8Array);
    if (samples === undefined) return NOT_AN_INTEGER;
    return samples < 0n ? SYNTAX_ERROR : undefined;
  },
  run(context, slot, args) {
    const key = args[1] as Uint8Array;
    const row = context.head(slot, context.latin1(key));
    if (row === undefined) return NOT_RESIDENT;
    if (row === null) return NIL;
    return { type: "integer", value: key.length + row.payload.length + ROW_OVERHEAD_BYTES };
  },
};

const objectRow = rowsOf("generic", "object");
const memoryRow = rowsOf("server", "memory");
const memory = (name: string, summary: string, ...tips: readonly string[]): CommandSpec =>
  memoryRow(name, 2, [], "4.0.0", summary, ...tips);

/** Of group "generic" and "server": containers of which some subcommands run on shards, others on the connection. */
export const inspectCommands: readonly CommandSpec[] = [
  container({
    name: "object",
    since: "2.2.3",
    group: "generic",
    summary: "Container of commands about how a value is kept.",
    subcommands: [
      object("encoding", "How Redis would keep the value: int, embstr or raw."),
      object("freq", "Refused: nothing is evicted, so uses are not counted."),
      objectRow("help", 2, ["loading", "stale"], "6.2.0", "Lists the subcommands."),
      object("idletime", "Refused: nothing is evicted, so times of access are not kept."),
      object("refcount", "Always 1."),
    ],
  }),
  container({
    name: "memory",
    since: "4.0.0",
    group: "server",
    summary: "Container of commands about memory.",
    subcommands: [
      memory("doctor", "Whether the node's memory is as it should be, in words.", CHANGES, ALL_SHARDS, SPECIAL_REPLY),
      memoryRow("help", 2, ["loading", "stale"], "4.0.0", "Lists the subcommands."),
      memory("malloc-stats", "Says that there is no such allocator here.", CHANGES, ALL_SHARDS, SPECIAL_REPLY),
      memory(
        "purge",
        "Accepted and without effect: the collector gives memory back by itself.",
        ALL_SHARDS,
        ALL_SUCCEEDED,
      ),
      memory("stats", "What the node's memory is used for.", CHANGES, ALL_SHARDS, SPECIAL_REPLY),
      memoryUsage,
    ],
  }),
];
