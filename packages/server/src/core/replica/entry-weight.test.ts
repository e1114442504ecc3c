import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ENTRY_BYTES_TARGET,
  ENTRY_WEIGHT_MAX,
  groupId,
  INFLIGHT_WEIGHT_MAX,
  index,
  LCS_CELL_WORK_BYTES,
  latin1,
  latin1Bytes,
  replicaId,
  type Slot,
  slot,
  TRANSACTION_WORK_MAX,
  VALUE_BYTES_MAX,
  WORK_PER_ARGUMENT_BYTES,
} from "../base/index.ts";
import {
  type CommandContext,
  type CommandSpec,
  commandByName,
  commandByOpcode,
  TransactionEncoder,
  transactions,
  valuesOf,
  workOf,
} from "../command/index.ts";
import { initialSystemRows, ShardMachine } from "../machine/index.ts";
import { BOOTSTRAP, type Entry, EntryKind } from "../raft/index.ts";
import type { Pins, Row, Space } from "../store/index.ts";
import { World } from "../store/testing/world.ts";
import type { Batch } from "./batches.ts";
import { Proposals } from "./proposals.ts";
import type { Request } from "./types.ts";

const SLOTS: readonly [Slot, Slot] = [slot(3), slot(4)];
const TERM = BOOTSTRAP.term;

interface Write {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
  readonly slot: Slot;
}

function write(line: string, at: Slot = SLOTS[0]): Write {
  const [name = "", ...words] = line.split(" ");
  return { spec: commandByName(latin1Bytes(name)) as CommandSpec, args: words.map(latin1Bytes), slot: at };
}

function exec(lines: readonly string[], at: Slot = SLOTS[0]): Write {
  const encoder = new TransactionEncoder();
  for (const line of lines) {
    const { spec, args } = write(line);
    encoder.add(spec.opcode, args);
  }
  return { spec: transactions.grow, args: [encoder.finish([])], slot: at };
}

/** What applying one entry really took. */
class Cost {
  /** Values that were in memory for it, by the state before it. */
  held = 0;
  /** Values that its commands looked at, repeats counted; of transactions only what they do (`work`). */
  looked = 0;
  made = 0;
  /** What transactions did. */
  work = 0;
  /** What its other commands did, and what of that their arguments cost. */
  plainWork = 0;
  argumentWork = 0;
}

/** Counts what is written through it. */
class Counting implements CommandContext {
  readonly nowMs: number;
  readonly version: number;
  readonly #under: CommandContext;
  readonly #cost: Cost;

  constructor(under: CommandContext, cost: Cost) {
    this.nowMs = under.nowMs;
    this.version = under.version;
    this.#under = under;
    this.#cost = cost;
  }

  get: CommandContext["get"] = (at, key) => this.#under.get(at, key);
  head: CommandContext["head"] = (at, key) => this.#under.head(at, key);
  delete: CommandContext["delete"] = (at, key) => this.#under.delete(at, key);
  latin1: CommandContext["latin1"] = (bytes) => this.#under.latin1(bytes);
  lengthOf: CommandContext["lengthOf"] = (at, key) => this.#under.lengthOf(at, key);
  worked: CommandContext["worked"] = (bytes) => this.#under.worked(bytes);

  put(at: Slot, key: string, row: Row): void {
    this.#cost.made += row.payload.length;
    this.#under.put(at, key, row);
  }
}

/** A leader's writes and its state, with a log that commits when the test says so. */
class Leader {
  readonly world: World = new World();
  readonly space: Space;
  readonly machine: ShardMachine;
  readonly proposals: Proposals;
  readonly weightMax: number;
  readonly log: Entry[] = [];
  /** Of the entry that is applied. */
  cost: Cost = new Cost();
  readonly #counted: Map<number, CommandSpec> = new Map();
  #last = BOOTSTRAP.index as number;
  #ticket = 0;
  #nowMs = 1_000;

  constructor(weightMax: number = ENTRY_WEIGHT_MAX, inFlightWeightMax: number = Number.POSITIVE_INFINITY) {
    this.weightMax = weightMax;
    const store = this.world.open(0);
    this.space = this.world.get<Space>((done) =>
      store.createSpace(groupId(1), replicaId(1), initialSystemRows([replicaId(1)]), done),
    );
    this.machine = new ShardMachine(this.world.env, this.space, (opcode) => this.#counting(opcode));
    this.space.setOwner({
      onFreeze: () => this.machine.freeze(),
      onDurable: () => undefined,
      onDamaged: (error) => {
        throw error;
      },
    });
    this.proposals = new Proposals((at, key) => this.machine.lengthOf(at, key), weightMax, inFlightWeightMax);
  }

  #counting(opcode: number): CommandSpec | undefined {
    const known = this.#counted.get(opcode) ?? commandByOpcode(opcode);
    if (known?.run === undefined || this.#counted.has(opcode)) return known;
    const { run } = known;
    const counting: CommandSpec = {
      ...known,
      run: (context, at, args) => {
        if (known.commandsIn === undefined) {
          for (const key of valuesOf(known, args)) this.cost.looked += context.lengthOf(at, latin1(key)) as number;
          this.cost.plainWork += workOf(context, at, known, args) as number;
          this.cost.argumentWork += args.length * WORK_PER_ARGUMENT_BYTES;
        }
        return run(new Counting(context, this.cost), at, args);
      },
    };
    this.#counted.set(opcode, counting);
    return counting;
  }

  gather(...writes: readonly Write[]): void {
    for (const { spec, args, slot: at } of writes) {
      const request: Request = { spec, args, slot: at, redirect: false, stale: false, complete: () => undefined };
      this.proposals.add(request, args, this.#nowMs, this.#nowMs);
    }
  }

  /** The core takes the next batch. */
  propose(): void {
    if (!this.proposals.isNextDue(TERM)) return;
    const data = this.proposals.next(++this.#ticket, this.#nowMs);
    this.#last += 1;
    this.log.push({ index: index(this.#last), term: TERM, kind: EntryKind.normal, data });
    this.proposals.placed(this.#ticket, TERM, index(this.#last));
  }

  /** The core refuses the next batch; it and what waits behind it come again. */
  refuse(): void {
    if (!this.proposals.isNextDue(TERM)) return;
    this.proposals.next(++this.#ticket, this.#nowMs);
    const lost = this.proposals.dropped(this.#ticket);
    this.gather(...lost.map(({ request, args }) => ({ spec: request.spec, slot: request.slot, args })));
  }

  /** What waits is too old. */
  expire(): void {
    this.#nowMs += 1;
    this.proposals.expire(this.#nowMs);
  }

  /** The next entry is committed. Undefined: there is none. */
  apply(): { readonly batch: Batch; readonly cost: Cost } | undefined {
    const entry = this.log.shift();
    if (entry === undefined) return undefined;
    const batch = this.proposals.at(entry).own as Batch;
    const pins: Pins[] = [];
    for (let missing = this.machine.missing(entry); missing.length > 0; missing = this.machine.missing(entry)) {
      pins.push(this.world.get<Pins>((done) => this.space.fetch(missing, done)));
    }
    this.cost = new Cost();
    this.cost.held = this.#held(batch);
    const before = this.machine.transactionWork;
    this.machine.apply(entry, { reply: (at, reply) => batch.reply(at, reply) });
    this.cost.work = this.machine.transactionWork - before;
    this.space.applied(entry.index);
    this.proposals.applied();
    for (const each of pins) each.release();
    return { batch, cost: this.cost };
  }

  #held({ requests }: Batch): number {
    const keys = new Set(
      requests.flatMap(({ spec, args, slot: at }) => valuesOf(spec, args).map((key) => `${at} ${latin1(key)}`)),
    );
    let bytes = 0;
    for (const name of keys) {
      const [at, key = ""] = name.split(" ");
      bytes += this.machine.lengthOf(slot(Number(at)), latin1Bytes(key)) as number;
    }
    return bytes;
  }

  /** Nothing stays in memory: until it is read again, nothing is known of any row. */
  forget(): void {
    this.world.done((done) => this.world.store?.flush(done));
    this.world.settle();
  }

  /** All that waits, and what each entry took; each must keep what its leader promised of it. */
  finish(): Batch[] {
    const batches: Batch[] = [];
    while (!this.proposals.empty) this.propose();
    for (let applied = this.applyWithin(); applied !== undefined; applied = this.applyWithin()) batches.push(applied);
    return batches;
  }

  applyWithin(): Batch | undefined {
    const applied = this.apply();
    if (applied === undefined) return undefined;
    const { batch, cost } = applied;
    const weighed = batch.requests.filter(({ spec, args }) => valuesOf(spec, args).length > 0).length;
    if (weighed > 1) expect(batch.weight).toBeLessThanOrEqual(this.weightMax);
    expect(cost.held).toBeLessThanOrEqual(batch.weight);
    expect(cost.looked).toBeLessThanOrEqual(batch.weight);
    expect(cost.work).toBeLessThanOrEqual(batch.weight);
    expect(cost.made).toBeLessThanOrEqual(batch.weight + batch.bytes);
    expect(cost.plainWork).toBeLessThanOrEqual(2 * batch.weight + batch.bytes + cost.argumentWork);
    return batch;
  }
}

/** Mostly short, so that what the few long ones do is not lost among what others may do. */
const text: fc.Arbitrary<string> = fc
  .oneof({ weight: 5, arbitrary: fc.nat(10) }, { weight: 1, arbitrary: fc.nat(10_000) })
  .map((bytes) => "7".repeat(bytes));
const offset = fc.oneof({ weight: 5, arbitrary: fc.nat(10) }, { weight: 1, arbitrary: fc.nat(10_000) });
const key = fc.constantFrom("a", "b", "c");
const line: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(key, text).map(([k, value]) => `set ${k} ${value}`),
  fc.tuple(key, text).map(([k, value]) => `append ${k} ${value}`),
  fc.tuple(key, offset).map(([k, at]) => `setrange ${k} ${at} x`),
  fc.tuple(key, offset).map(([k, at]) => `setbit ${k} ${8 * at} 1`),
  fc.tuple(key, offset).map(([k, at]) => `bitfield ${k} set u8 ${8 * at} 1 get u4 1`),
  fc.tuple(key, key).map(([k, to]) => `copy ${k} ${to} replace`),
  fc.tuple(key, key).map(([k, to]) => `rename ${k} ${to}`),
  fc.tuple(key, key, key).map(([k, other, to]) => `bitop or ${to} ${k} ${other}`),
  fc
    .tuple(key, fc.constantFrom("set % 1e300", "incrbyfloat % 1", "incr %", "set % 1 get", "getdel %", "del %"))
    .map(([k, form]) => form.replace("%", k)),
);
const queued = fc.oneof(
  { weight: 3, arbitrary: line },
  fc.tuple(key, key).map(([k, other]) => `lcs ${k} ${other} len`),
  key.map((k) => `bitcount ${k}`),
);
const at = fc.constantFrom(...SLOTS);
const step: fc.Arbitrary<(leader: Leader) => void> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(line, at).map(
      ([one, where]) =>
        (leader: Leader) =>
          leader.gather(write(one, where)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.array(queued, { minLength: 1, maxLength: 5 }), at).map(
      ([lines, where]) =>
        (leader: Leader) =>
          leader.gather(exec(lines, where)),
    ),
  },
  { weight: 4, arbitrary: fc.constant((leader: Leader) => leader.propose()) },
  { weight: 4, arbitrary: fc.constant((leader: Leader) => void leader.applyWithin()) },
  fc.constant((leader: Leader) => void leader.finish()),
  fc.constant((leader: Leader) => leader.refuse()),
  fc.constant((leader: Leader) => leader.expire()),
  fc.constant((leader: Leader) => leader.forget()),
);

// Without any room each command that weighs something has an entry of its own, and so is judged alone.
test.each([0, 50_000])(
  "no entry holds, makes or does more than its leader counted, whatever is in flight: with room for %i bytes",
  (weightMax) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 150, size: "max" }), (steps) => {
        const leader = new Leader(weightMax);
        for (const take of steps) take(leader);
        leader.finish();
      }),
      { numRuns: 50 },
    );
  },
  60_000,
);

describe("commands over values that only become long in flight", () => {
  const MIB = 1 << 20;
  const COUNT = 40;
  const LIMIT = 8 * MIB;
  const grow = (n: number): Write => write(`setrange k${n} ${MIB - 1} x`);

  test("share an entry with as few others as if they were long already", () => {
    const leader = new Leader(LIMIT);
    for (let n = 0; n < COUNT; n += 1) leader.gather(write(`set k${n} 1`));
    leader.finish();
    for (let n = 0; n < COUNT; n += 1) leader.gather(grow(n));
    for (let n = 0; n < COUNT; n += 1) leader.gather(write(`append k${n} x`));
    const appends = leader.finish().filter(({ requests }) => requests[0]?.spec.name === "append");
    expect(appends.length).toBeGreaterThanOrEqual((COUNT * MIB) / LIMIT);
  });

  test("also those that get their length from another key", () => {
    const leader = new Leader(LIMIT);
    leader.gather(grow(0));
    leader.finish();
    for (let n = 1; n < COUNT; n += 1) leader.gather(write(`copy k0 k${n}`));
    for (let n = 1; n < COUNT; n += 1) leader.gather(write(`append k${n} x`));
    for (const { requests } of leader.finish()) expect(requests.length).toBeLessThanOrEqual(LIMIT / MIB);
  });

  test("of the largest values an entry has so many as one read of the engine asks for", () => {
    const leader = new Leader();
    for (let n = 0; n < COUNT; n += 1) leader.gather(write(`setrange k${n} ${VALUE_BYTES_MAX - 1} x`));
    for (let n = 0; n < COUNT; n += 1) leader.gather(write(`append k${n} x`));
    while (!leader.proposals.empty) leader.propose();
    // The state knows nothing of them yet.
    const counts = leader.log.map(({ data }) => new DataView(data.buffer).getUint16(9, true));
    expect(counts).toEqual([...Array.from({ length: COUNT }, () => 1), 32, 8]);
  });
});

test("a transaction is weighed by what its commands make for each other", () => {
  const leader = new Leader();
  leader.gather(write("setrange long 1000000 x"));
  leader.finish();
  const counts = Array.from({ length: 50 }, () => "bitcount short");
  leader.gather(exec(["copy long short", ...counts]), exec(["setrange short 1000000 x", ...counts]));
  leader.finish();
  expect(leader.cost.work).toBeGreaterThan(50_000_000);
});

test("what is applied is forgotten: short values that were long in between weigh little again", () => {
  const leader = new Leader();
  leader.gather(write(`setrange k ${VALUE_BYTES_MAX - 1} x`), write("copy k l"), write("del k l"));
  leader.finish();
  leader.gather(write("append k x"), write("append l x"));
  const [batch] = leader.finish();
  expect(batch?.weight).toBeLessThan(1_000);
});

test("each transaction of the most work has an entry of its own", () => {
  const leader = new Leader();
  leader.gather(write(`set a ${"1".repeat(1_400)}`), write(`set b ${"2".repeat(1_400)}`));
  leader.finish();
  const costly = exec(["set c 1", ...Array.from({ length: 8 }, () => "lcs a b len")]);
  for (let n = 0; n < 300; n += 1) leader.gather(costly);
  while (!leader.proposals.empty) leader.propose();
  expect(leader.log).toHaveLength(300);
  const batch = leader.applyWithin();
  // It ends before the table that would be too much.
  expect(leader.cost.work).toBeGreaterThan(TRANSACTION_WORK_MAX - 1_400 ** 2 * LCS_CELL_WORK_BYTES);
  expect(leader.cost.work).toBeLessThanOrEqual(batch?.weight as number);
});

test("a leader that is behind with its work proposes no more, until it has applied some of it", () => {
  const leader = new Leader(ENTRY_WEIGHT_MAX, INFLIGHT_WEIGHT_MAX);
  // Nobody knows how long it is.
  leader.gather(write("set k x"));
  leader.finish();
  leader.forget();
  const commands = (4 * INFLIGHT_WEIGHT_MAX) / VALUE_BYTES_MAX;
  for (let n = 0; n < commands; n += 1) leader.gather(write("append k x"));
  const entries = INFLIGHT_WEIGHT_MAX / ENTRY_WEIGHT_MAX;
  for (let n = 0; n < 4 * entries; n += 1) leader.propose();
  expect(leader.log).toHaveLength(entries);
  leader.applyWithin();
  for (let n = 0; n < 4 * entries; n += 1) leader.propose();
  expect(leader.log).toHaveLength(entries);
  // All of it comes to its end.
  while (!leader.proposals.empty) {
    leader.propose();
    leader.applyWithin();
  }
});

test("ordinary transactions share an entry until its bytes are enough", () => {
  const leader = new Leader();
  const ordinary = (n: number): Write =>
    exec([`set s${n} ${"v".repeat(50)}`, `incr n${n}`, `append l${n} more`, `get s${n}`, `expire s${n} 100`]);
  const clients = 200;
  for (let n = 0; n < clients; n += 1) leader.gather(ordinary(n));
  leader.finish();
  for (let n = 0; n < clients; n += 1) leader.gather(ordinary(n));
  const [batch, ...others] = leader.finish();
  expect(others).toEqual([]);
  expect(batch?.requests).toHaveLength(clients);
  // Nothing of it is near the limits: the bytes of an entry come first.
  expect((batch as Batch).weight / ENTRY_WEIGHT_MAX).toBeLessThan(1);
  expect((batch as Batch).bytes).toBeLessThan(ENTRY_BYTES_TARGET);
});
