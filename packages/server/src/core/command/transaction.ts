import {
  assert,
  SherdError,
  type Slot,
  TRANSACTION_GROWTH_BYTES_MAX,
  TRANSACTION_REPLY_BYTES_MAX,
  TRANSACTION_WORK_MAX,
  TRANSACTION_WRITES_BYTES_MAX,
} from "../base/index.ts";
import { arityFits, keysOf, valuesOf } from "./admit.ts";
import { err, wrongArity } from "./errors.ts";
import { Overlay } from "./overlay.ts";
import { replyBytes } from "./replies.ts";
import { decodeTransaction, type Transaction } from "./transaction-format.ts";
import { type CommandContext, type CommandSpec, NIL_ARRAY, NO_KEYS, NOT_RESIDENT, type Reply } from "./types.ts";
import { TOO_MUCH_WORK, workOf } from "./work.ts";

/**
 * MULTI and EXEC on a shard: what the connection queued is one command, so it is one step of one entry, nothing comes
 * between its parts, and a retry finds one reply.
 */
export interface TransactionCommands {
  /** Of commands that read. */
  readonly read: CommandSpec;
  /** Of commands that change something and need no further room ... */
  readonly write: CommandSpec;
  /** ... and of those that may. */
  readonly grow: CommandSpec;
  /** The versions of keys' rows, for WATCH; 0: there is none. */
  readonly watch: CommandSpec;
}

type CommandOf = (opcode: number) => CommandSpec | undefined;
type Flags = CommandSpec["flags"];

const MALFORMED = err("malformed transaction");
const REPLIES_TOO_LARGE = err(
  `the transaction's replies exceed ${TRANSACTION_REPLY_BYTES_MAX} bytes; nothing was done. Read less at once.`,
);
const GROWS_TOO_MUCH = err(
  `the transaction's values may grow by more than ${TRANSACTION_GROWTH_BYTES_MAX} bytes; nothing was done. Write less at once.`,
);
const WRITES_TOO_MUCH = err(
  `the values of the keys that the transaction writes are more than ${TRANSACTION_WRITES_BYTES_MAX} bytes together; ` +
    "nothing was done. Write less at once.",
);

export function transactionCommands(commandOf: CommandOf): TransactionCommands {
  const inner: CommandOf = (opcode) => {
    const spec = commandOf(opcode);
    // No transaction within a transaction: a sender could nest them until the stack ends.
    return spec?.run === undefined || spec.keysIn !== undefined ? undefined : spec;
  };
  const decode = (args: readonly Uint8Array[]): Transaction => {
    const transaction = decodeTransaction(args[0] as Uint8Array, inner);
    // It was checked before it was replicated, by a node that knew its commands.
    if (transaction === undefined) throw new SherdError("SHERD_ENTRY_UNREADABLE", "A transaction cannot be decoded.");
    return transaction;
  };
  const internal = (opcode: number, flags: Flags): CommandSpec => ({
    name: "exec",
    opcode,
    arity: 2,
    flags,
    keys: NO_KEYS,
    since: "",
    group: "internal",
    summary: "",
    keysIn: (args) => keysIn(decode(args)),
    valuesIn: (args) => valuesIn(decode(args)),
    workIn: (context, slot, args) => workIn(context, slot, decode(args)),
    commandsIn: (args) => decode(args).commands,
    check: (args) => check(decodeTransaction(args[0] as Uint8Array, inner), flags.includes("write")),
    ...(flags.includes("denyoom") ? { growth: (args: readonly Uint8Array[]) => growth(decode(args)) } : {}),
    run: flags.includes("write")
      ? (context, slot, args) => runWrites(context, slot, decode(args))
      : (context, slot, args) => run(context, slot, decode(args)),
  });
  return {
    read: internal(200, ["readonly"]),
    write: internal(201, ["write"]),
    grow: internal(202, ["write", "denyoom"]),
    watch: {
      name: "watch",
      opcode: 203,
      arity: -2,
      flags: ["readonly", "fast"],
      keys: { first: 1, last: -1, step: 1 },
      values: NO_KEYS,
      since: "",
      group: "internal",
      summary: "",
      run: versions,
    },
  };
}

function keysIn({ watched, commands }: Transaction): Uint8Array[] {
  const keys = watched.map(({ key }) => key);
  for (const { spec, args } of commands) keys.push(...keysOf(spec, args));
  return keys;
}

function valuesIn({ commands }: Transaction): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const { spec, args } of commands) keys.push(...valuesOf(spec, args));
  return keys;
}

function workIn(context: CommandContext, slot: Slot, { commands }: Transaction): number | undefined {
  let work = 0;
  for (const { spec, args } of commands) {
    const next = workOf(context, slot, spec, args);
    if (next === undefined) return undefined;
    work += next;
    // It ends there.
    if (work > TRANSACTION_WORK_MAX) return TRANSACTION_WORK_MAX;
  }
  return work;
}

/** As each command was checked when it was queued; here for what another node forwards. */
function check(transaction: Transaction | undefined, writes: boolean): Reply | undefined {
  if (transaction === undefined || keysIn(transaction).length === 0) return MALFORMED;
  for (const { spec, args } of transaction.commands) {
    if (!arityFits(spec, args.length)) return wrongArity(spec.name);
    if (!writes && spec.flags.includes("write")) return MALFORMED;
    const refusal = spec.check?.(args);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Writes of one key add up: each makes a new value. */
const growth = ({ commands }: Transaction): number =>
  commands.reduce((bytes, { spec, args }) => bytes + (spec.growth?.(args) ?? 0), 0);

function versions(context: CommandContext, slot: Slot, args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
  const items: Reply[] = [];
  for (const arg of args) {
    const row = context.head(slot, context.latin1(arg));
    if (row === undefined) return NOT_RESIDENT;
    items.push({ type: "integer", value: row?.version ?? 0 });
  }
  return { type: "array", items };
}

/** One command's error is its reply; the others have their effect, as in Redis. `overlay`: if it may write. */
function run(
  context: CommandContext,
  slot: Slot,
  transaction: Transaction,
  overlay?: Overlay,
): Reply | typeof NOT_RESIDENT {
  for (const { key, version } of transaction.watched) {
    const row = context.head(slot, context.latin1(key));
    if (row === undefined) return NOT_RESIDENT;
    if ((row?.version ?? 0) !== version) return NIL_ARRAY;
  }
  const items: Reply[] = [];
  let bytes = 0;
  let work = 0;
  for (const { spec, args } of transaction.commands) {
    assert(spec.run !== undefined, "what is queued runs on a shard");
    // Before each command and not all at once: those before it change the lengths.
    const next = workOf(context, slot, spec, args);
    if (next === undefined) return NOT_RESIDENT;
    work += next;
    if (work > TRANSACTION_WORK_MAX) return TOO_MUCH_WORK;
    context.worked(next);
    const reply = spec.run(context, slot, args);
    if (reply === NOT_RESIDENT) return NOT_RESIDENT;
    if (overlay !== undefined && overlay.bytes > TRANSACTION_WRITES_BYTES_MAX) return WRITES_TOO_MUCH;
    bytes += replyBytes(reply);
    if (bytes > TRANSACTION_REPLY_BYTES_MAX) return REPLIES_TOO_LARGE;
    items.push(reply);
  }
  return { type: "array", items };
}

function runWrites(context: CommandContext, slot: Slot, transaction: Transaction): Reply | typeof NOT_RESIDENT {
  if (growth(transaction) > TRANSACTION_GROWTH_BYTES_MAX) return GROWS_TOO_MUCH;
  const overlay = new Overlay(context, slot);
  const reply = run(overlay, slot, transaction, overlay);
  if (reply !== NOT_RESIDENT && reply.type === "array") overlay.commit();
  return reply;
}
