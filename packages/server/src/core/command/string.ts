import { assert, type Slot } from "../base/index.ts";
import { RowKind } from "../store/index.ts";
import { SYNTAX_ERROR } from "./errors.ts";
import { EX, type ExpireForm, PX } from "./expire-time.ts";
import { endOf, stringOptions } from "./string-options.ts";
import { bulkOf, isString, putString, valueTooLong, WRONG_TYPE } from "./string-row.ts";
import {
  type CommandContext,
  type CommandSpec,
  NIL,
  NO_KEYS,
  NOT_RESIDENT,
  OK,
  ONE,
  ONE_KEY,
  type Reply,
  ZERO,
} from "./types.ts";
import { word } from "./words.ts";
import { NO_WORK } from "./work.ts";

type Answer = Reply | typeof NOT_RESIDENT;

/** SET with options: a function of its own, so that SET without any allocates nothing for them. */
function setWithOptions(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.head(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  const options = stringOptions("set", args);
  if (options === undefined) return SYNTAX_ERROR;
  let expiresAtMs = options.keepTtl && row !== null ? row.expiresAtMs : 0;
  if (options.form !== undefined) {
    const end = endOf("set", options.form, options.time as Uint8Array, context.nowMs);
    if (typeof end !== "number") return end;
    expiresAtMs = end;
  }
  let before: Reply | undefined;
  if (options.get) {
    const whole = context.get(slot, key);
    if (whole === undefined) return NOT_RESIDENT;
    if (!isString(whole)) return WRONG_TYPE;
    before = bulkOf(whole);
  }
  if (row === null ? options.xx : options.nx) return before ?? NIL;
  putString(context, slot, key, args[1] as Uint8Array, expiresAtMs);
  return before ?? OK;
}

/** Whether SET has its option GET. */
function answersOldValue(args: readonly Uint8Array[]): boolean {
  for (let at = 2; at < args.length; at += 1) {
    const option = args[at] as Uint8Array;
    // Most SETs have one of EX and PX, which need no text to be told from it.
    if (option.length === 3 && word(option) === "get") return true;
  }
  return false;
}

function checkSetOptions(args: readonly Uint8Array[]): Reply | undefined {
  const options = stringOptions("set", args);
  if (options === undefined) return SYNTAX_ERROR;
  if (options.form === undefined) return undefined;
  const end = endOf("set", options.form, options.time as Uint8Array, 0);
  return typeof end === "number" ? undefined : end;
}

/** SETEX and PSETEX: key, time, value. */
function setWithEnd(name: string, opcode: number, form: ExpireForm, since: string, summary: string): CommandSpec {
  return {
    name,
    opcode,
    arity: 4,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    values: NO_KEYS,
    since,
    group: "string",
    summary,
    check(args) {
      const end = endOf(name, form, args[1] as Uint8Array, 0);
      return typeof end === "number" ? valueTooLong(args[2] as Uint8Array) : end;
    },
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      if (context.head(slot, key) === undefined) return NOT_RESIDENT;
      const end = endOf(name, form, args[1] as Uint8Array, context.nowMs);
      if (typeof end !== "number") return end;
      putString(context, slot, key, args[2] as Uint8Array, end);
      return OK;
    },
  };
}

function getAndSetEnd(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Answer {
  const key = context.latin1(args[0] as Uint8Array);
  const row = context.get(slot, key);
  if (row === undefined) return NOT_RESIDENT;
  if (row === null) return NIL;
  if (!isString(row)) return WRONG_TYPE;
  const options = stringOptions("getex", args);
  assert(options !== undefined, "GETEX was checked before it was replicated");
  let { expiresAtMs } = row;
  if (options.persist) expiresAtMs = 0;
  if (options.form !== undefined) {
    // Here and not before: Redis says nothing about the time when there is no key.
    const end = endOf("getex", options.form, options.time as Uint8Array, context.nowMs);
    if (typeof end !== "number") return end;
    expiresAtMs = end;
  }
  if (expiresAtMs !== row.expiresAtMs) putString(context, slot, key, row.payload, expiresAtMs);
  return bulkOf(row);
}

/** Of group "string": one key, its whole value. */
export const stringCommands: readonly CommandSpec[] = [
  {
    name: "get",
    opcode: 1,
    arity: 2,
    flags: ["readonly", "fast"],
    keys: ONE_KEY,
    since: "1.0.0",
    group: "string",
    work: NO_WORK,
    summary: "The value of a key, or null if it does not exist.",
    run(context, slot, args) {
      const row = context.get(slot, context.latin1(args[0] as Uint8Array));
      if (row === undefined) return NOT_RESIDENT;
      return isString(row) ? bulkOf(row) : WRONG_TYPE;
    },
  },
  {
    name: "set",
    opcode: 2,
    arity: -3,
    flags: ["write", "denyoom"],
    keys: ONE_KEY,
    values: (args) => (answersOldValue(args) ? ONE_KEY : NO_KEYS),
    since: "1.0.0",
    group: "string",
    summary:
      "Gives a key a value, whatever it held before. NX XX: if there is none, one; GET: answers the old one; EX PX EXAT PXAT KEEPTTL: its end.",
    check(args) {
      const refusal = valueTooLong(args[1] as Uint8Array);
      return refusal !== undefined || args.length === 2 ? refusal : checkSetOptions(args);
    },
    run(context, slot, args) {
      if (args.length > 2) return setWithOptions(context, slot, args);
      const key = context.latin1(args[0] as Uint8Array);
      if (context.head(slot, key) === undefined) return NOT_RESIDENT;
      // The store copies it.
      const payload = args[1] as Uint8Array;
      context.put(slot, key, { kind: RowKind.string, expiresAtMs: 0, version: context.version, payload });
      return OK;
    },
  },
  {
    name: "setnx",
    opcode: 5,
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: ONE_KEY,
    values: NO_KEYS,
    since: "1.0.0",
    group: "string",
    summary: "Gives a key a value if it does not exist.",
    check: (args) => valueTooLong(args[1] as Uint8Array),
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      const row = context.head(slot, key);
      if (row === undefined) return NOT_RESIDENT;
      if (row !== null) return ZERO;
      putString(context, slot, key, args[1] as Uint8Array, 0);
      return ONE;
    },
  },
  setWithEnd("setex", 6, EX, "2.0.0", "Gives a key a value that ends in so many seconds."),
  setWithEnd("psetex", 7, PX, "2.6.0", "Gives a key a value that ends in so many milliseconds."),
  {
    name: "getset",
    opcode: 8,
    arity: 3,
    flags: ["write", "denyoom", "fast"],
    keys: ONE_KEY,
    since: "1.0.0",
    group: "string",
    summary: "Gives a key a value and answers with the old one.",
    check: (args) => valueTooLong(args[1] as Uint8Array),
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      const row = context.get(slot, key);
      if (row === undefined) return NOT_RESIDENT;
      if (!isString(row)) return WRONG_TYPE;
      const before = bulkOf(row);
      putString(context, slot, key, args[1] as Uint8Array, 0);
      return before;
    },
  },
  {
    name: "getdel",
    opcode: 9,
    arity: 2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    since: "6.2.0",
    group: "string",
    summary: "The value of a key, which is removed.",
    run(context, slot, args) {
      const key = context.latin1(args[0] as Uint8Array);
      const row = context.get(slot, key);
      if (row === undefined) return NOT_RESIDENT;
      if (row === null) return NIL;
      if (!isString(row)) return WRONG_TYPE;
      const before = bulkOf(row);
      context.delete(slot, key);
      return before;
    },
  },
  {
    name: "getex",
    opcode: 10,
    arity: -2,
    flags: ["write", "fast"],
    keys: ONE_KEY,
    since: "6.2.0",
    group: "string",
    summary: "The value of a key, and a new end for it (EX PX EXAT PXAT) or none (PERSIST).",
    check: (args) => (stringOptions("getex", args) === undefined ? SYNTAX_ERROR : undefined),
    run: getAndSetEnd,
  },
];
