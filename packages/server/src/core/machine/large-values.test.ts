import { beforeEach, describe, expect, test } from "vitest";
import {
  COMMAND_VALUES_BYTES_MAX,
  groupId,
  latin1Bytes,
  replicaId,
  type Slot,
  slot,
  TRANSACTION_WORK_MAX,
  VALUE_BYTES_MAX,
  WORK_PER_ARGUMENT_BYTES,
} from "../base/index.ts";
import {
  type CommandSpec,
  commandByName,
  commandByOpcode,
  type Reply,
  TransactionEncoder,
  transactions,
  weightOf,
} from "../command/index.ts";
import { BOOTSTRAP, type Entry, EntryKind } from "../raft/index.ts";
import type { Pins, RowNeed, Space } from "../store/index.ts";
import { World } from "../store/testing/world.ts";
import { initialSystemRows } from "./applied.ts";
import { EntryEncoder } from "./entry.ts";
import { ShardMachine } from "./shard-machine.ts";

const MIB = 1 << 20;
const GROUP = groupId(1);
const SLOT: Slot = slot(3);
/** One value less would be allowed. */
const COUNT = COMMAND_VALUES_BYTES_MAX / MIB + 1;
const KEYS = Array.from({ length: COUNT }, (_, i) => `k${i}`);

interface Command {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
}

function command(name: string, ...args: readonly (string | Uint8Array)[]): Command {
  const spec = commandByName(latin1Bytes(name)) as CommandSpec;
  return { spec, args: args.map((arg) => (typeof arg === "string" ? latin1Bytes(arg) : arg)) };
}

function exec(spec: CommandSpec, ...commands: readonly Command[]): Command {
  const encoder = new TransactionEncoder();
  for (const one of commands) encoder.add(one.spec.opcode, one.args);
  return { spec, args: [encoder.finish([])] };
}

const firstBytes = (keys: readonly string[]): Command[] => keys.map((key) => command("getrange", key, "0", "0"));

/** A replica's state on a store of its own: entries are applied as the replica does. */
class Replica {
  readonly world: World = new World();
  readonly space: Space;
  readonly machine: ShardMachine;
  /** Forgets all that is in the engine before each entry. */
  readonly #forgetful: boolean;

  constructor(forgetful: boolean) {
    this.#forgetful = forgetful;
    const store = this.world.open(forgetful ? 0 : 1024 * MIB);
    const system = initialSystemRows([replicaId(1)]);
    this.space = this.world.get<Space>((done) => store.createSpace(GROUP, replicaId(1), system, done));
    this.machine = new ShardMachine(this.world.env, this.space, commandByOpcode);
    this.space.setOwner({
      onFreeze: () => this.machine.freeze(),
      onDurable: () => undefined,
      onDamaged: (error) => {
        throw error;
      },
    });
  }

  /** Until nothing is missing; whether anything was, and what keeps it in memory. */
  #fetchAll(missing: () => RowNeed[]): Pins[] {
    const pins: Pins[] = [];
    for (let needs = missing(); needs.length > 0; needs = missing()) {
      pins.push(this.world.get<Pins>((done) => this.space.fetch(needs, done)));
      expect(pins.length).toBeLessThan(5);
    }
    return pins;
  }

  apply(entry: Entry): Reply[] {
    if (this.#forgetful) {
      this.world.done((done) => this.world.store?.flush(done));
      this.world.settle();
      expect(this.world.store?.stats.cacheBytes).toBe(0);
    }
    const replies: Reply[] = [];
    const pins = this.#fetchAll(() => this.machine.missing(entry));
    this.machine.apply(entry, { reply: (_, reply) => replies.push(reply) });
    this.space.applied(entry.index);
    for (const each of pins) each.release();
    return replies;
  }

  read({ spec, args }: Command): Reply {
    const pins: Pins[] = [];
    for (;;) {
      const reply = this.machine.read(spec, SLOT, args, 0);
      if (typeof reply !== "symbol") {
        for (const each of pins) each.release();
        return reply;
      }
      const needs = this.machine.missingForRead(spec, SLOT, args);
      pins.push(this.world.get<Pins>((done) => this.space.fetch(needs, done)));
      expect(pins.length).toBeLessThan(5);
    }
  }
}

/** One replica has every row in memory, the other none: what they answer and hold must be the same. */
class Pair {
  readonly warm: Replica = new Replica(false);
  readonly cold: Replica = new Replica(true);
  logTimeMs = 1_000;

  /** One entry. */
  write(...commands: readonly Command[]): Reply[] {
    const encoder = new EntryEncoder();
    for (const { spec, args } of commands) encoder.add(spec.opcode, SLOT, undefined, args);
    const { applied } = this.warm.machine;
    const data = encoder.finish(this.logTimeMs);
    const entry = { index: (applied.index + 1) as Entry["index"], term: BOOTSTRAP.term, kind: EntryKind.normal, data };
    const replies = this.warm.apply(entry);
    expect(this.cold.apply(entry)).toEqual(replies);
    expect(this.cold.machine.keys).toBe(this.warm.machine.keys);
    return replies;
  }

  read(one: Command): Reply {
    const reply = this.warm.read(one);
    expect(this.cold.read(one)).toEqual(reply);
    return reply;
  }
}

const value = new Uint8Array(MIB).fill(0x61);
const REFUSED = expect.objectContaining({ type: "error", text: expect.stringContaining("SHERD_VALUES_TOO_LARGE") });

describe("a command that looks at many large values", () => {
  let pair: Pair;
  beforeEach(() => {
    pair = new Pair();
    for (const key of KEYS) pair.write(command("set", key, value));
  });

  test("is refused on every replica, whatever it has in memory, and has no effect", () => {
    const [reply] = pair.write(exec(transactions.write, ...firstBytes(KEYS), command("set", "mark", "1")));
    expect(reply).toEqual(REFUSED);
    expect(pair.read(command("exists", "mark"))).toMatchObject({ value: 0 });
    expect(pair.write(command("bitop", "or", "mark", ...KEYS))).toEqual([REFUSED]);
    expect(pair.read(exec(transactions.read, ...firstBytes(KEYS)))).toEqual(REFUSED);
    // The replica that had nothing in memory did not have all of it at any moment.
    expect(pair.cold.world.store?.stats.pinnedBytes).toBe(0);
  });

  test("is run when they are few enough, and a key that is named again counts once", () => {
    const fewer = KEYS.slice(1);
    const [reply] = pair.write(
      exec(transactions.write, ...firstBytes(fewer), ...firstBytes(fewer), command("set", "mark", "1")),
    );
    expect(reply).toMatchObject({ type: "array", items: { length: 2 * fewer.length + 1 } });
  });

  test("is judged by the state before its entry: what the commands before it remove counts", () => {
    const all = exec(transactions.write, ...firstBytes(KEYS), command("set", "mark", "1"));
    expect(pair.write(command("del", ...KEYS.slice(0, 9)), all)).toEqual([{ type: "integer", value: 9 }, REFUSED]);
    expect(pair.write(all)).toMatchObject([{ type: "array" }]);
  });

  test("does not count what has ended, though it still lies there", () => {
    pair.write(command("pexpire", "k0", "1000"));
    const all = exec(transactions.write, ...firstBytes(KEYS), command("set", "mark", "1"));
    expect(pair.write(all)).toEqual([REFUSED]);
    pair.logTimeMs += 1_000;
    expect(pair.write(all)).toMatchObject([{ type: "array" }]);
  });
});

test("commands that do not look at values are not limited, and hold none", () => {
  const pair = new Pair();
  for (const key of KEYS) pair.write(command("set", key, value));
  expect(pair.read(command("exists", ...KEYS))).toMatchObject({ value: COUNT });
  expect(pair.read(command("strlen", "k1"))).toMatchObject({ value: MIB });
  const lengths = KEYS.map((key) => command("strlen", key));
  expect(pair.read(exec(transactions.read, ...lengths))).toMatchObject({ items: { length: COUNT } });
  expect(pair.write(command("mset", ...KEYS.slice(0, 9).flatMap((key) => [key, "1"])))).toMatchObject([{ text: "OK" }]);
  expect(pair.write(command("del", ...KEYS))).toEqual([{ type: "integer", value: COUNT }]);
  expect(pair.warm.machine.keys).toBe(0);
});

test("a transaction that makes many large values of one is refused and has no effect", () => {
  const pair = new Pair();
  pair.write(command("set", "from", new Uint8Array(8 * MIB)));
  const copies = (count: number): Command =>
    exec(transactions.grow, ...Array.from({ length: count }, (_, i) => command("copy", "from", `to${i}`, "replace")));
  expect(pair.write(copies(17))).toMatchObject([{ type: "error" }]);
  expect(pair.warm.machine.keys).toBe(1);
  expect(pair.write(copies(3))).toMatchObject([{ items: [{ value: 1 }, { value: 1 }, { value: 1 }] }]);
});

test("what a write weighs comes from the lengths that are in memory", () => {
  const pair = new Pair();
  pair.write(command("set", "large", value), command("set", "small", "1"));
  pair.write(command("set", "other", "1"));
  const bytes = ({ spec, args }: Command, { machine } = pair.warm): number =>
    weightOf(spec, SLOT, args, {
      longest: (at, key) => machine.lengthOf(at, key) ?? VALUE_BYTES_MAX,
      moves: () => undefined,
    });
  expect(pair.warm.machine.lengthOf(SLOT, latin1Bytes("none"))).toBe(0);
  expect(pair.cold.machine.lengthOf(SLOT, latin1Bytes("large"))).toBeUndefined();
  expect(bytes(command("append", "large", "x"))).toBe(MIB);
  expect(bytes(command("append", "large", "x"), pair.cold)).toBe(VALUE_BYTES_MAX);
  expect(bytes(command("incr", "small"))).toBe(1);
  expect(bytes(command("getdel", "large"))).toBe(MIB);
  // There and here.
  expect(bytes(command("copy", "large", "small"))).toBe(2 * MIB);
  // Nobody looks at these.
  for (const one of [command("set", "large", "x"), command("del", "large"), command("mset", "large", "x")]) {
    expect(bytes(one, pair.cold)).toBe(0);
  }
  expect(bytes(command("set", "large", "x", "get"))).toBe(MIB);
  expect(bytes(command("bitop", "or", "to", "large", "small"))).toBe(MIB + 1 + MIB);
  const short = bytes(exec(transactions.write, command("append", "small", "x"), command("set", "large", "x")));
  expect(short).toBeGreaterThan(4 * WORK_PER_ARGUMENT_BYTES);
  expect(short).toBeLessThan(5 * WORK_PER_ARGUMENT_BYTES);
  const grow = exec(transactions.grow, ...Array.from({ length: 200 }, (_, i) => command("copy", "large", `to${i}`)));
  expect(bytes(grow)).toBe(COMMAND_VALUES_BYTES_MAX + TRANSACTION_WORK_MAX);
});
