import { expect, test } from "vitest";
import { groupId, index, latin1, latin1Bytes, replicaId, type Slot, slot, term } from "../base/index.ts";
import { type CommandSpec, commandByName, commandByOpcode, type Reply } from "../command/index.ts";
import type { Env } from "../env/index.ts";
import {
  decodeKeyPageReply,
  EntryEncoder,
  encodeKeyPageRequest,
  initialSystemRows,
  KEY_PAGE,
  KeyspaceCounts,
  Opcode,
  ShardMachine,
} from "../machine/index.ts";
import { EntryKind } from "../raft/index.ts";
import type { KeyPage, Pins, Row, RowKey, Space } from "../store/index.ts";
import { ReadServing } from "./read-serving.ts";
import type { ReplicaHost, Request, Rerouted } from "./types.ts";

const SLOT = slot(7);
const spec = (name: string): CommandSpec => commandByName(latin1Bytes(name)) as CommandSpec;

/** A leader's state, a clock beside its log time, and what the leader puts in the log. */
class World {
  clockMs = 1_000;
  /** How far the clock goes between two looks at it. */
  clockStepMs = 0;
  leads = true;
  readonly group = groupId(1);
  readonly space: Space;
  readonly keyspace: KeyspaceCounts = new KeyspaceCounts();
  readonly machine: ShardMachine;
  readonly serving: ReadServing;
  readonly proposed: Request[] = [];
  readonly rerouted: string[] = [];
  /** In the order of their replies; a `!` in front: told before that it was tried again. */
  readonly answered: string[] = [];
  readonly #rows: Map<string, Row> = new Map();
  readonly #absent: Set<string> = new Set();
  readonly #fetches: (() => void)[] = [];
  pinned = 0;

  constructor() {
    const system = initialSystemRows([replicaId(1)]);
    const space = {
      group: this.group,
      system: (name: string) => system.get(name),
      systemNames: () => [],
      get: (_: Slot, key: string) => (this.#absent.has(key) ? undefined : (this.#rows.get(key) ?? null)),
      head: (_: Slot, key: string) => (this.#absent.has(key) ? undefined : (this.#rows.get(key) ?? null)),
      put: (_: Slot, key: string, row: Row) => void this.#rows.set(key, row),
      delete: (_: Slot, key: string) => void this.#rows.delete(key),
      fetch: (keys: readonly RowKey[], done: (pins: Pins) => void) => {
        this.pinned += 1;
        this.#fetches.push(() => {
          for (const { key } of keys) this.#absent.delete(key);
          done({ release: () => void (this.pinned -= 1) });
        });
      },
    };
    this.space = space as unknown as Space;
    this.machine = new ShardMachine({ latin1 } as unknown as Env, this.space, commandByOpcode, this.keyspace);
    const host = {
      env: {
        wallMs: () => {
          const nowMs = this.clockMs;
          this.clockMs += this.clockStepMs;
          return nowMs;
        },
      },
      store: {
        keys: (_: Space, __: unknown, done: (page: KeyPage) => void) => {
          const keys = [...this.#rows].map(([key, { expiresAtMs }]) => ({ slot: SLOT, key, expiresAtMs }));
          done({ keys, complete: true, upTo: { slot: SLOT, key: undefined } });
        },
      },
      reroute: (_: unknown, items: readonly Rerouted[]) =>
        this.rerouted.push(...items.map(({ args }) => latin1(args[0] as Uint8Array))),
    };
    this.serving = new ReadServing(host as unknown as ReplicaHost, this);
  }

  get applied(): ShardMachine["applied"]["index"] {
    return this.machine.applied.index;
  }

  submitWrite(request: Request): void {
    this.proposed.push(request);
  }

  /** An entry with one command, at the clock's time. */
  apply(opcode: number, ...args: string[]): Reply {
    const encoder = new EntryEncoder();
    encoder.add(opcode, SLOT, undefined, args.map(latin1Bytes));
    let answer: Reply | undefined;
    this.machine.apply(
      {
        index: index(this.applied + 1),
        term: term(this.machine.applied.term + 1),
        kind: EntryKind.normal,
        data: encoder.finish(this.clockMs),
      },
      { reply: (_, reply) => (answer = reply) },
    );
    return answer as Reply;
  }

  write(line: string): void {
    const [name, ...args] = line.split(" ");
    this.#absent.delete(args[0] as string);
    expect(this.apply(spec(name as string).opcode, ...args).type).not.toBe("error");
  }

  get(key: string, stale = false): void {
    this.serving.serve([this.read(key, stale)], stale);
  }

  read(key: string, stale = false): Rerouted {
    const args = [latin1Bytes(key)];
    let late = "";
    const complete = (reply: Reply): void =>
      void this.answered.push(`${late}${key}=${reply.type === "bulk" ? latin1(reply.bytes) : reply.type}`);
    const retried = (): void => void (late = "!");
    const request = { spec: spec("get"), args, slot: SLOT, redirect: false, stale, complete, retried };
    return { request, args, bornMs: 0 };
  }

  /** A page of all keys, of which only the number is noted. */
  page(stale = false): void {
    const args = encodeKeyPageRequest({ place: 0, toSlot: slot(16383), keysMax: 10, pattern: undefined });
    const complete = (reply: Reply): void => {
      this.answered.push(`page=${decodeKeyPageReply(reply)?.keys.length}`);
    };
    const request = { spec: KEY_PAGE, args, slot: slot(0), redirect: false, stale, complete };
    this.serving.serve([{ request, args, bornMs: 0 }], stale);
  }

  /** What the leader proposed for its reads is applied. */
  decide(): void {
    for (const request of this.proposed.splice(0)) {
      expect(request.spec.opcode).toBe(Opcode.time);
      request.complete(this.apply(request.spec.opcode));
    }
    this.serving.resume();
  }

  forget(key: string): void {
    this.#absent.add(key);
  }

  fetched(): void {
    for (const done of this.#fetches.splice(0)) done();
  }
}

test("a key that has ended by the leader's clock is shown as gone only when log time has passed its end", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 99;
  world.get("k");
  expect(world.answered).toEqual(["k=v"]);
  world.clockMs += 1;
  world.get("k");
  world.get("k");
  expect(world.answered).toEqual(["k=v"]);
  expect(world.proposed).toHaveLength(1);
  world.decide();
  expect(world.answered).toEqual(["k=v", "!k=nil", "!k=nil"]);
  // It is decided: a leader whose clock is behind says the same.
  world.clockMs -= 50;
  world.get("k");
  expect(world.answered.at(-1)).toBe("k=nil");
  expect(world.proposed).toEqual([]);
});

test("reads that have their turn together are judged by one moment", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 99;
  world.clockStepMs = 1;
  world.serving.serve([world.read("k"), world.read("k")], false);
  expect(world.answered).toEqual(["k=v", "k=v"]);
  expect(world.proposed).toEqual([]);
  world.get("k");
  expect(world.proposed).toHaveLength(1);
});

test("a page of keys in which one ends by the leader's clock waits for log time, too", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.page();
  expect(world.answered).toEqual([]);
  world.decide();
  expect(world.answered).toEqual(["page=0"]);
  world.page(true);
  expect(world.answered).toEqual(["page=0", "page=0"]);
  expect(world.proposed).toEqual([]);
});

test("a page of keys waits for log time once, even if another key ends whenever it is tried", () => {
  const world = new World();
  for (const end of [100, 200]) {
    world.write(`set k${end} v`);
    world.write(`pexpire k${end} ${end}`);
  }
  world.clockMs += 100;
  world.page();
  for (const request of world.proposed.splice(0)) request.complete(world.apply(request.spec.opcode));
  world.clockMs += 100;
  world.serving.resume();
  expect(world.answered).toEqual(["page=1"]);
  world.page();
  world.decide();
  expect(world.answered).toEqual(["page=1", "page=0"]);
});

test("a clock that goes back while a read waits leaves the key where it was", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  world.clockMs -= 90;
  world.decide();
  expect(world.answered).toEqual(["!k=v"]);
});

test("a stale read goes by its node's own clock and waits for nothing", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.leads = false;
  world.clockMs += 100;
  world.get("k", true);
  expect(world.answered).toEqual(["k=nil"]);
});

test("who leads no more gives undecided reads back, with what was pinned for them", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.forget("k");
  world.get("k");
  world.fetched();
  expect(world.pinned).toBe(1);
  expect(world.serving.takeUndecided()).toHaveLength(1);
  expect(world.pinned).toBe(0);

  world.forget("k");
  world.get("k");
  world.leads = false;
  world.fetched();
  expect(world.rerouted).toEqual(["k"]);
  expect(world.pinned).toBe(0);
});

test("an entry with the time that cannot be proposed, or is lost, sends its reads elsewhere", () => {
  const world = new World();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  world.proposed.splice(0)[0]?.giveBack?.();
  world.get("k");
  world.proposed.splice(0)[0]?.complete({ type: "error", kind: "INDETERMINATE", text: "" });
  expect(world.rerouted).toEqual(["k", "k"]);
  expect(world.answered).toEqual([]);
});

test("what a read looked for counts once, when it is answered, however often it was tried", () => {
  const world = new World();
  const counts = (): number[] => [world.keyspace.hits, world.keyspace.misses];
  world.write("set k v");
  world.get("k");
  world.get("none");
  expect(counts()).toEqual([1, 1]);
  world.forget("k");
  world.get("k");
  expect(counts()).toEqual([1, 1]);
  world.fetched();
  expect(counts()).toEqual([2, 1]);
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  expect(counts()).toEqual([2, 1]);
  world.decide();
  expect(counts()).toEqual([2, 2]);
  expect(world.answered.at(-1)).toBe("!k=nil");
});

test("a read whose rows had to be fetched says so only if they changed meanwhile", () => {
  const world = new World();
  for (const key of ["a", "b"]) {
    world.write(`set ${key} 1`);
    world.forget(key);
    world.get(key);
  }
  world.write("set a 2");
  world.fetched();
  expect(world.answered).toEqual(["!a=2", "b=1"]);
  expect(world.pinned).toBe(0);
});
