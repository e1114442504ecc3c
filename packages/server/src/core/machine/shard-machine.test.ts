import { expect, test } from "vitest";
import { index, latin1, replicaId, type Slot, slot, term, utf8Bytes } from "../base/index.ts";
import {
  type CommandSpec,
  commandByName,
  commandByOpcode,
  NIL_ARRAY,
  type Reply,
  TransactionEncoder,
  transactions,
} from "../command/index.ts";
import type { Env } from "../env/index.ts";
import { EntryKind } from "../raft/index.ts";
import type { Row, Space } from "../store/index.ts";
import { initialSystemRows } from "./applied.ts";
import { EntryEncoder, Opcode } from "./entry.ts";
import { KeyspaceCounts } from "./keyspace-counts.ts";
import { ShardMachine } from "./shard-machine.ts";

const SLOT = slot(7);
const SET = commandByName(utf8Bytes("set")) as CommandSpec;

/** A shard's rows, all resident, and the entries that are applied to them. */
class World {
  readonly rows: Map<string, Row> = new Map();
  readonly keyspace: KeyspaceCounts = new KeyspaceCounts();
  readonly machine: ShardMachine;
  logTimeMs = 0;
  #index = 0;

  constructor() {
    const system = initialSystemRows([replicaId(1)]);
    const space = {
      group: 1,
      system: (name: string) => system.get(name),
      systemNames: () => [],
      get: (_slot: Slot, key: string) => this.rows.get(key) ?? null,
      head: (_slot: Slot, key: string) => this.rows.get(key) ?? null,
      put: (_slot: Slot, key: string, row: Row) => void this.rows.set(key, row),
      delete: (_slot: Slot, key: string) => void this.rows.delete(key),
      clear: () => this.rows.clear(),
    };
    this.machine = new ShardMachine(
      { latin1 } as unknown as Env,
      space as unknown as Space,
      commandByOpcode,
      this.keyspace,
    );
    this.#index = this.machine.applied.index;
  }

  /** One command as an entry of its own. */
  apply(opcode: number, sequence: number | undefined, session: number, ...args: (string | Uint8Array)[]): Reply {
    const encoder = new EntryEncoder();
    const origin = sequence === undefined ? undefined : { session, sequence, ackedBelow: 1 };
    encoder.add(
      opcode,
      SLOT,
      origin,
      args.map((arg) => (typeof arg === "string" ? utf8Bytes(arg) : arg)),
    );
    this.#index += 1;
    const entry = {
      index: index(this.#index),
      term: term(this.machine.applied.term + 1),
      kind: EntryKind.normal,
      data: encoder.finish(this.logTimeMs),
    };
    const replies: Reply[] = [];
    expect(this.machine.missing(entry)).toEqual([]);
    this.machine.apply(entry, { reply: (_position, reply) => replies.push(reply) });
    return replies[0] as Reply;
  }

  openSession(): number {
    const reply = this.apply(Opcode.sessionOpen, undefined, 0);
    return reply.type === "integer" ? Number(reply.value) : 0;
  }
}

const REFUSED = { type: "error", kind: "MISCONF", text: "no room" };

test("a refusal takes its command's sequence: the command never runs after it, and what follows goes on", () => {
  const world = new World();
  const session = world.openSession();
  expect(world.apply(Opcode.refuse, 1, session, "MISCONF", "no room")).toEqual(REFUSED);
  // A lost attempt that arrives late.
  expect(world.apply(SET.opcode, 1, session, "k", "refused")).toEqual(REFUSED);
  expect(world.rows.size).toBe(0);
  expect(world.apply(SET.opcode, 2, session, "k", "v")).toEqual({ type: "simple", text: "OK" });
});

test("a refusal of a retry whose command took effect answers as the command did", () => {
  const world = new World();
  const session = world.openSession();
  world.apply(SET.opcode, 1, session, "k", "v");
  expect(world.apply(Opcode.refuse, 1, session, "MISCONF", "no room")).toEqual({ type: "simple", text: "OK" });
  expect(world.rows.size).toBe(1);
});

test("a refusal that overtook a lost command waits for it like any other", () => {
  const world = new World();
  const session = world.openSession();
  expect(world.apply(Opcode.refuse, 2, session, "MISCONF", "no room")).toMatchObject({ kind: "SESSIONGAP" });
});

test("keys that have ended count as expired when they are removed or replaced, once, where the entry was proposed", () => {
  const world = new World();
  const command = (line: string): Reply => {
    const [name, ...args] = line.split(" ");
    return world.apply((commandByName(utf8Bytes(name as string)) as CommandSpec).opcode, undefined, 0, ...args);
  };
  for (const key of ["a", "b", "c", "d"]) command(`psetex ${key} 100 v`);
  command("set kept v");
  command("del d");
  world.logTimeMs = 100;
  expect(world.keyspace.expired).toBe(0);
  world.apply(Opcode.end, undefined, 0, "a");
  world.apply(Opcode.end, undefined, 0, "a");
  expect(world.keyspace.expired).toBe(1);
  command("set b again");
  expect(world.keyspace.expired).toBe(2);
  expect(command("del c kept")).toEqual({ type: "integer", value: 1 });
  expect(world.keyspace.expired).toBe(3);
  expect([world.keyspace.hits, world.keyspace.misses]).toEqual([0, 0]);
});

test("keys are counted until they are removed, also those that have ended; a write over one counts once", () => {
  const world = new World();
  const { machine } = world;
  const command = (line: string): Reply => {
    const [name, ...args] = line.split(" ");
    return world.apply((commandByName(utf8Bytes(name as string)) as CommandSpec).opcode, undefined, 0, ...args);
  };
  const counts = (): number[] => [machine.keys, machine.keysInSlot(SLOT), machine.expiringKeys];
  command("set a 1");
  command("set b 1");
  command("pexpire a 100");
  expect(counts()).toEqual([2, 2, 1]);
  world.logTimeMs = 100;
  expect(command("exists a b")).toEqual({ type: "integer", value: 1 });
  expect(counts()).toEqual([2, 2, 1]);
  command("set a 2");
  expect(counts()).toEqual([2, 2, 0]);
  command("pexpire a 50");
  command("pexpire b 50");
  world.apply(Opcode.end, undefined, 0, "a");
  expect(counts()).toEqual([2, 2, 2]);
  world.logTimeMs = 150;
  world.apply(Opcode.end, undefined, 0, "a");
  world.apply(Opcode.end, undefined, 0, "gone");
  expect(counts()).toEqual([1, 1, 1]);
  command("persist b");
  expect(counts()).toEqual([1, 1, 1]);
  expect(command("del b")).toEqual({ type: "integer", value: 0 });
  expect(counts()).toEqual([0, 0, 0]);
});

test("EXEC is one step of an entry: its rows have the entry's version, a retry finds its replies", () => {
  const world = new World();
  const session = world.openSession();
  const exec = (watched: Readonly<Record<string, number>>, ...lines: string[]): Uint8Array => {
    const encoder = new TransactionEncoder();
    for (const line of lines) {
      const [name, ...args] = line.split(" ");
      encoder.add((commandByName(utf8Bytes(name as string)) as CommandSpec).opcode, args.map(utf8Bytes));
    }
    return encoder.finish(Object.entries(watched).map(([key, version]) => ({ key: utf8Bytes(key), version })));
  };
  const { opcode } = transactions.grow;
  const both = exec({ a: 0 }, "incr a", "set b 1", "incr a");
  const done: Reply = {
    type: "array",
    items: [
      { type: "integer", value: 1 },
      { type: "simple", text: "OK" },
      { type: "integer", value: 2 },
    ],
  };
  expect(world.apply(opcode, 1, session, both)).toEqual(done);
  expect(world.apply(opcode, 1, session, both)).toEqual(done);
  const version = world.machine.applied.index - 1;
  expect([...world.rows.values()].map((row) => row.version)).toEqual([version, version]);
  expect(world.machine.keys).toBe(2);
  expect(world.apply(opcode, 2, session, exec({ a: 0 }, "del a", "del b"))).toEqual(NIL_ARRAY);
  expect(world.apply(opcode, 3, session, exec({ a: version, b: version }, "del a", "del b"))).toMatchObject({
    type: "array",
  });
  expect(world.machine.keys).toBe(0);
});

test("a flush removes all keys and their counts; sessions stay, so that its retry removes nothing again", () => {
  const world = new World();
  const session = world.openSession();
  world.apply(SET.opcode, 1, session, "k", "v");
  expect(world.apply(Opcode.flush, 2, session)).toEqual({ type: "simple", text: "OK" });
  expect([world.rows.size, world.machine.keys, world.machine.keysInSlot(SLOT)]).toEqual([0, 0, 0]);
  world.apply(SET.opcode, 3, session, "k", "later", "px", "100");
  expect(world.apply(Opcode.flush, 2, session)).toEqual({ type: "simple", text: "OK" });
  expect([world.rows.size, world.machine.keys, world.machine.expiringKeys]).toEqual([1, 1, 1]);
  world.apply(Opcode.flush, undefined, 0);
  expect([world.rows.size, world.machine.keys, world.machine.expiringKeys]).toEqual([0, 0, 0]);
});

test("EXEC of a transaction that watched a key which a flush removed does nothing", () => {
  const world = new World();
  world.apply(SET.opcode, undefined, 0, "k", "v");
  const version = world.machine.applied.index;
  world.apply(Opcode.flush, undefined, 0);
  const encoder = new TransactionEncoder();
  encoder.add(SET.opcode, [utf8Bytes("k"), utf8Bytes("mine")]);
  const watched = encoder.finish([{ key: utf8Bytes("k"), version }]);
  expect(world.apply(transactions.grow.opcode, undefined, 0, watched)).toEqual(NIL_ARRAY);
  expect(world.rows.size).toBe(0);
});
