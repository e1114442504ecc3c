import { assert } from "../base/index.ts";
import { aclCommands } from "./acl.ts";
import { bitfieldCommands } from "./bitfield.ts";
import { bitmapCommands } from "./bitmap.ts";
import { bitmapCountCommands } from "./bitmap-count.ts";
import { clusterCommands } from "./cluster.ts";
import { connectionCommands } from "./connection.ts";
import { counterCommands } from "./counter.ts";
import { expiryCommands } from "./expiry.ts";
import { genericCommands } from "./generic.ts";
import { inspectCommands } from "./inspect.ts";
import { keyspaceCommands } from "./keyspace.ts";
import { lcsCommands } from "./lcs.ts";
import { multiCommands } from "./multi.ts";
import { operationsCommands } from "./operations.ts";
import { pubsubCommands } from "./pubsub.ts";
import { scriptingCommands } from "./scripting.ts";
import { serverCommands } from "./server.ts";
import { stringCommands } from "./string.ts";
import { stringManyCommands } from "./string-many.ts";
import { stringRangeCommands } from "./string-range.ts";
import { type TransactionCommands, transactionCommands } from "./transaction.ts";
import type { CommandSpec } from "./types.ts";

/** Every command, by name. */
export const allCommands: readonly CommandSpec[] = [
  ...stringCommands,
  ...stringManyCommands,
  ...stringRangeCommands,
  ...lcsCommands,
  ...counterCommands,
  ...bitmapCommands,
  ...bitmapCountCommands,
  ...bitfieldCommands,
  ...genericCommands,
  ...expiryCommands,
  ...inspectCommands,
  ...keyspaceCommands,
  ...multiCommands,
  ...connectionCommands,
  ...pubsubCommands,
  ...serverCommands,
  ...aclCommands,
  ...operationsCommands,
  ...scriptingCommands,
  ...clusterCommands,
].sort((left, right) => (left.name < right.name ? -1 : 1));

/** The replica's own commands (`machine/entry`) begin here. */
const OPCODES_END = 0xff00;

/** What EXEC and WATCH are on a shard. No client names them. */
export const transactions: TransactionCommands = transactionCommands((opcode) => commandByOpcode(opcode));

const byOpcode: readonly (CommandSpec | undefined)[] = indexByOpcode();

function indexByOpcode(): (CommandSpec | undefined)[] {
  const index: (CommandSpec | undefined)[] = [];
  const subcommands = allCommands.flatMap((spec) => spec.subcommands ?? []);
  for (const spec of [...allCommands, ...subcommands, ...Object.values(transactions)]) {
    if (spec.opcode === 0) continue;
    assert(spec.run !== undefined && spec.opcode < OPCODES_END, `${spec.name} has an opcode, so it runs on a shard`);
    const other = index[spec.opcode];
    assert(other === undefined || other.run === spec.run, `opcode ${spec.opcode} names one command`);
    index[spec.opcode] = other ?? spec;
  }
  return index;
}

const writes: readonly boolean[] = Array.from(byOpcode, (spec) => spec?.flags.includes("write") === true);

/** Whether a command with an opcode changes the shard, and so is replicated. */
export const isWrite = (spec: CommandSpec): boolean => writes[spec.opcode] === true;

/** The command of an entry's or a peer's opcode. */
export const commandByOpcode = (opcode: number): CommandSpec | undefined =>
  opcode > 0 && opcode < byOpcode.length ? byOpcode[opcode] : undefined;

/**
 * Names as clients send them: bytes in any case, within a bigger buffer. Looked up once for every command, so without
 * making a string: a hash chooses a bucket, the bytes are compared there.
 */
class NameIndex {
  readonly #buckets: readonly (readonly { readonly name: string; readonly spec: CommandSpec }[])[];
  readonly #mask: number;

  constructor(specs: readonly CommandSpec[]) {
    let size = 16;
    while (size < specs.length * 4) size *= 2;
    this.#mask = size - 1;
    const buckets: { name: string; spec: CommandSpec }[][] = Array.from({ length: size }, () => []);
    for (const spec of specs) {
      const name = spec.name.slice(spec.name.indexOf("|") + 1);
      let hash = name.length;
      for (let i = 0; i < name.length; i += 1) hash = step(hash, name.charCodeAt(i));
      buckets[hash & this.#mask]?.push({ name, spec });
    }
    this.#buckets = buckets;
  }

  find(bytes: Uint8Array, from: number, to: number): CommandSpec | undefined {
    let hash = to - from;
    for (let i = from; i < to; i += 1) hash = step(hash, lower(bytes[i] as number));
    const bucket = this.#buckets[hash & this.#mask] as readonly { name: string; spec: CommandSpec }[];
    for (let n = 0; n < bucket.length; n += 1) {
      const entry = bucket[n] as { name: string; spec: CommandSpec };
      if (isName(entry.name, bytes, from, to)) return entry.spec;
    }
    return undefined;
  }
}

const step = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0;
const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

function isName(name: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false;
  for (let i = 0; i < name.length; i += 1) {
    if (name.charCodeAt(i) !== lower(bytes[from + i] as number)) return false;
  }
  return true;
}

const names = new NameIndex(allCommands);
const subcommandNames = new Map<CommandSpec, NameIndex>();
for (const spec of allCommands) {
  if (spec.subcommands !== undefined) subcommandNames.set(spec, new NameIndex(spec.subcommands));
}

/** The longest name is far shorter; hashing what cannot be a name would be a gift to whoever sends it. */
const NAME_BYTES_MAX = 64;

/** The command whose name is `bytes[from .. to)`, in any case. */
export const findCommand = (bytes: Uint8Array, from: number, to: number): CommandSpec | undefined =>
  to - from <= NAME_BYTES_MAX ? names.find(bytes, from, to) : undefined;

export const commandByName = (name: Uint8Array): CommandSpec | undefined => findCommand(name, 0, name.length);

export const findSubcommand = (container: CommandSpec, name: Uint8Array): CommandSpec | undefined =>
  name.length <= NAME_BYTES_MAX ? subcommandNames.get(container)?.find(name, 0, name.length) : undefined;

/** The subcommand, of a container, if it is one that runs on a shard (OBJECT ENCODING); else the command itself. */
export function shardCommandOf(spec: CommandSpec, args: readonly Uint8Array[]): CommandSpec {
  const [name] = args;
  const named = spec.subcommands === undefined || name === undefined ? undefined : findSubcommand(spec, name);
  return named !== undefined && named.opcode > 0 ? named : spec;
}
