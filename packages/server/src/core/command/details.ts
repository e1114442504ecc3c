import { assert } from "../base/index.ts";
import type { CommandSpec, Reply } from "./types.ts";

type Shape = Exclude<Reply["type"], "error">;

/** What COMMAND and the documentation say beyond the table, for commands with keys. */
export interface CommandDetails {
  /** What a command that succeeds may answer with. */
  readonly replies: readonly Shape[];
  readonly complexity: string;
  /**
   * Redis' flags of the keys: RO, RW, OW (overwritten), RM (removed), and what happens to the value. One for all keys,
   * or one for each, the last for all that follow.
   */
  readonly keyUses: readonly string[];
}

const RO = "RO";
const ACCESS = "RO access";
const UPDATE = "RW update";
const ACCESS_UPDATE = "RW access update";
const ACCESS_DELETE = "RW access delete";
const MAY_UPDATE = "RW access update variable_flags";
const OVERWRITE = "OW update";
const INSERT = "OW insert";
const DELETE = "RM delete";

const CONSTANT = "O(1)";
const OF_KEYS = "O(N) with N keys";
const OF_VALUE = "O(N) with N bytes of the value";
/** Rows never change, so what changes a part of a value writes all of it. */
const OF_NEW_VALUE = "O(N) with N bytes of the new value";

const of = (replies: string, complexity: string, ...keyUses: string[]): CommandDetails => ({
  replies: replies.split(" ") as Shape[],
  complexity,
  keyUses,
});

const details: Readonly<Record<string, CommandDetails>> = {
  get: of("bulk nil", CONSTANT, ACCESS),
  set: of("simple bulk nil", CONSTANT, MAY_UPDATE),
  setnx: of("integer", CONSTANT, INSERT),
  setex: of("simple", CONSTANT, OVERWRITE),
  psetex: of("simple", CONSTANT, OVERWRITE),
  getset: of("bulk nil", CONSTANT, ACCESS_UPDATE),
  getdel: of("bulk nil", CONSTANT, ACCESS_DELETE),
  getex: of("bulk nil", CONSTANT, ACCESS_UPDATE),
  mget: of("array", OF_KEYS, ACCESS),
  mset: of("simple", OF_KEYS, OVERWRITE),
  msetnx: of("integer", OF_KEYS, INSERT),
  append: of("integer", OF_NEW_VALUE, "RW insert"),
  strlen: of("integer", CONSTANT, RO),
  getrange: of("bulk", CONSTANT, ACCESS),
  substr: of("bulk", CONSTANT, ACCESS),
  setrange: of("integer", OF_NEW_VALUE, UPDATE),
  lcs: of("bulk integer map", "O(N*M) with N and M bytes of the values", ACCESS),
  incr: of("integer", CONSTANT, ACCESS_UPDATE),
  decr: of("integer", CONSTANT, ACCESS_UPDATE),
  incrby: of("integer", CONSTANT, ACCESS_UPDATE),
  decrby: of("integer", CONSTANT, ACCESS_UPDATE),
  incrbyfloat: of("bulk", CONSTANT, ACCESS_UPDATE),

  setbit: of("integer", OF_NEW_VALUE, ACCESS_UPDATE),
  getbit: of("integer", CONSTANT, ACCESS),
  bitcount: of("integer", OF_VALUE, ACCESS),
  bitpos: of("integer", OF_VALUE, ACCESS),
  bitop: of("integer", "O(N) with N bytes of the values", OVERWRITE, ACCESS),
  bitfield: of("array", OF_NEW_VALUE, MAY_UPDATE),
  bitfield_ro: of("array", "O(N) with N operations", ACCESS),

  del: of("integer", OF_KEYS, DELETE),
  unlink: of("integer", OF_KEYS, DELETE),
  exists: of("integer", OF_KEYS, RO),
  touch: of("integer", OF_KEYS, RO),
  type: of("simple", CONSTANT, RO),
  rename: of("simple", CONSTANT, ACCESS_DELETE, OVERWRITE),
  renamenx: of("integer", CONSTANT, ACCESS_DELETE, INSERT),
  copy: of("integer", OF_VALUE, ACCESS, OVERWRITE),
  expire: of("integer", CONSTANT, UPDATE),
  pexpire: of("integer", CONSTANT, UPDATE),
  expireat: of("integer", CONSTANT, UPDATE),
  pexpireat: of("integer", CONSTANT, UPDATE),
  persist: of("integer", CONSTANT, UPDATE),
  ttl: of("integer", CONSTANT, ACCESS),
  pttl: of("integer", CONSTANT, ACCESS),
  expiretime: of("integer", CONSTANT, ACCESS),
  pexpiretime: of("integer", CONSTANT, ACCESS),
  "object|encoding": of("bulk nil", CONSTANT, RO),
  "object|freq": of("nil", CONSTANT, RO),
  "object|idletime": of("nil", CONSTANT, RO),
  "object|refcount": of("integer nil", CONSTANT, RO),
  "memory|usage": of("integer nil", CONSTANT, RO),
  watch: of("simple", OF_KEYS, RO),
};

/** Undefined for commands without keys. */
export function detailsOf(spec: CommandSpec): CommandDetails | undefined {
  const found = Object.hasOwn(details, spec.name) ? details[spec.name] : undefined;
  assert(found !== undefined || spec.keys.first === 0, `${spec.name} has keys, so it has details`);
  return found;
}

/** A range of keys that are used alike; positions as in `CommandSpec.keys`. */
export interface KeyUse {
  readonly flags: readonly string[];
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

export function keyUsesOf(spec: CommandSpec): KeyUse[] {
  const uses = detailsOf(spec)?.keyUses ?? [];
  const { first, last, step } = spec.keys;
  return uses.map((use, at) => {
    const from = first + at * step;
    return { flags: use.split(" "), first: from, last: at === uses.length - 1 ? last : from, step };
  });
}
