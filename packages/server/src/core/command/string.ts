import { VALUE_BYTES_MAX } from "../base/index.ts";
import { RowKind } from "../store/index.ts";
import { err } from "./errors.ts";
import { type CommandSpec, NIL, NOT_RESIDENT, OK } from "./types.ts";

const SET_OPTIONS = err("SET with options is not supported yet; send SET key value");

/** Group "string": a key holds bytes. */
export const stringCommands: readonly CommandSpec[] = [
  {
    name: "get",
    opcode: 1,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: { first: 1, last: 1, step: 1 },
    since: "1.0.0",
    group: "string",
    summary: "The value of a key, or null if it does not exist.",
    run(context, slot, args) {
      const row = context.get(slot, context.latin1(args[0] as Uint8Array));
      if (row === undefined) return NOT_RESIDENT;
      return row === null ? NIL : { type: "bulk", bytes: row.payload };
    },
  },
  {
    name: "set",
    opcode: 2,
    arity: -3,
    flags: ["write", "denyoom"],
    keys: { first: 1, last: 1, step: 1 },
    since: "1.0.0",
    group: "string",
    summary: "Gives a key a value, whatever it held before. Options (NX, XX, GET, EX, PX, ...) are refused so far.",
    check(args) {
      const bytes = (args[1] as Uint8Array).length;
      if (bytes > VALUE_BYTES_MAX) return err(`value is ${bytes} bytes long; at most ${VALUE_BYTES_MAX} are allowed`);
      return args.length > 2 ? SET_OPTIONS : undefined;
    },
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      if (context.get(slot, key) === undefined) return NOT_RESIDENT;
      // The store copies it.
      const payload = args[1] as Uint8Array;
      context.put(slot, key, { kind: RowKind.string, expiresAtMs: 0, version: context.version, payload });
      return OK;
    },
  },
];
