import { latin1, utf8Bytes } from "../base/index.ts";
import { err, NOT_AN_INTEGER, SYNTAX_ERROR, unknownSubcommand, wrongArity } from "./errors.ts";
import { parseInt64 } from "./integer-text.ts";
import { type CommandSpec, NIL, NOT_RESIDENT, ONE, type Reply } from "./types.ts";

const KEY_BEHIND_SUBCOMMAND = { first: 2, last: 2, step: 1 } as const;
/** Up to here Redis keeps a string together with its header. */
const EMBEDDED_BYTES_MAX = 44;
/** What a row costs in memory beside its key and value; the store's limits count with the same (design 6). */
const ROW_OVERHEAD_BYTES = 100;

const bulk = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
const help = (lines: readonly string[]): Reply => ({
  type: "array",
  items: lines.map((text) => ({ type: "simple", text })),
});
const nameOf = (args: readonly Uint8Array[]): string => latin1(args[0] as Uint8Array).toLowerCase();

const OBJECT_HELP = help([
  "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "ENCODING <key>",
  "    How Redis would keep the value: int, embstr or raw.",
  "REFCOUNT <key>",
  "    Always 1.",
  "HELP",
  "    Print this help.",
]);
const MEMORY_HELP = help([
  "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
  "USAGE <key> [SAMPLES <count>]",
  "    Bytes that the key and its value take in memory when they are there.",
  "HELP",
  "    Print this help.",
]);
const NO_FREQUENCY = err(
  "An LFU maxmemory policy is not selected, access frequency not tracked. Nothing is evicted here: every key is kept.",
);
const NO_IDLE_TIME = err("idle time is not tracked. Nothing is evicted here: every key is kept.");

function encodingOf(payload: Uint8Array): Reply {
  if (parseInt64(payload) !== undefined) return bulk("int");
  return bulk(payload.length <= EMBEDDED_BYTES_MAX ? "embstr" : "raw");
}

/** Of group "generic" and "server": what a key is made of. */
export const inspectCommands: readonly CommandSpec[] = [
  {
    name: "object",
    opcode: 79,
    arity: -2,
    flags: ["readonly"],
    keys: KEY_BEHIND_SUBCOMMAND,
    since: "2.2.3",
    group: "generic",
    summary: "How a value is kept: OBJECT ENCODING, OBJECT REFCOUNT.",
    check(args) {
      const name = nameOf(args);
      if (name === "help") return OBJECT_HELP;
      const known = name === "encoding" || name === "refcount" || name === "freq" || name === "idletime";
      if (!known) return unknownSubcommand("object", args[0] as Uint8Array);
      return args.length === 2 ? undefined : wrongArity(`object|${name}`);
    },
    run(context, slot, args) {
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
    },
  },
  {
    name: "memory",
    opcode: 80,
    arity: -2,
    flags: ["readonly"],
    keys: KEY_BEHIND_SUBCOMMAND,
    since: "4.0.0",
    group: "server",
    summary: "MEMORY USAGE: bytes that a key takes in memory.",
    check(args) {
      const name = nameOf(args);
      if (name === "help") return MEMORY_HELP;
      if (name !== "usage") return unknownSubcommand("memory", args[0] as Uint8Array);
      if (args.length === 2) return undefined;
      if (args.length !== 4) return args.length === 1 ? wrongArity("memory|usage") : SYNTAX_ERROR;
      if (latin1(args[2] as Uint8Array).toLowerCase() !== "samples") return SYNTAX_ERROR;
      const samples = parseInt64(args[3] as Uint8Array);
      if (samples === undefined) return NOT_AN_INTEGER;
      return samples < 0n ? SYNTAX_ERROR : undefined;
    },
    run(context, slot, args) {
      const key = args[1] as Uint8Array;
      const row = context.get(slot, context.latin1(key));
      if (row === undefined) return NOT_RESIDENT;
      if (row === null) return NIL;
      return { type: "integer", value: key.length + row.payload.length + ROW_OVERHEAD_BYTES };
    },
  },
];
