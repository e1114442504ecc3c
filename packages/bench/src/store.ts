/**
 * Measures the store over its LevelDB engine as a node uses it, without Raft, log and network:
 *
 *     node packages/bench/dist/store.js [--keys 1000000] [--value-bytes 80] [--cache-mib 64] [--data DIR]
 *       [--ends] [--load-only] [--write-buffer-mib N]
 *
 * With --ends every key has an end, so that each row has a second one in the index of endings.
 * A directory given with --data is kept, and found by the next run with the same --keys: so a restart of a process with
 * nothing in memory is measured.
 *
 * Prints a row for each phase: operations a second, CPU a operation of the main thread and of the whole process, and
 * what the process holds. Run it on a machine that does nothing else; compare figures of one run with each other.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { crc32, deflateRaw, inflateRaw } from "node:zlib";
import { groupId, index, replicaId, type Slot, slot } from "sherd/core/base";
import type { Engine, Env } from "sherd/core/env";
import {
  openStore,
  type Pins,
  type RowKey,
  RowKind,
  type SnapshotReader,
  type Space,
  type Store,
} from "sherd/core/store";
import { openLevelEngine } from "sherd/host/leveldb";

const { values: options } = parseArgs({
  options: {
    keys: { type: "string", default: "1000000" },
    "value-bytes": { type: "string", default: "80" },
    "cache-mib": { type: "string", default: "64" },
    data: { type: "string" },
    ends: { type: "boolean", default: false },
    "load-only": { type: "boolean", default: false },
    "write-buffer-mib": { type: "string" },
  },
});
const KEYS = Number(options.keys);
const VALUE_BYTES = Number(options["value-bytes"]);
const CACHE_BYTES = Number(options["cache-mib"]) << 20;
const WRITE_BUFFER =
  options["write-buffer-mib"] === undefined ? {} : { writeBufferBytes: Number(options["write-buffer-mib"]) << 20 };
/** Nothing removes them here, whatever the time. */
const ENDS_MS = options.ends ? 2_000_000_000_000 : 0;
/** Of shards on a node; their slots are spread. */
const SPACES = 5;
const SLOTS = 16_384;
/** Batches (entries) of which rows are being fetched at once. */
const WINDOW = 4;

const made = options.data === undefined;
const data = options.data ?? mkdtempSync(join(tmpdir(), "sherd-bench-store-"));

/** A node's loop: passes on request, a tick every 50 ms. */
class Loop {
  store: Store | undefined;
  #requested = false;
  readonly env: Env = {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    random32: () => Math.floor(Math.random() * 0x1_0000_0000),
    checksum: (bytes, seed = 0) => crc32(bytes, seed),
    latin1: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"),
    deflate: (bytes, done) => deflateRaw(bytes, { level: 1 }, (_, compressed) => done(compressed)),
    inflate: (bytes, maxOutputLength, done) =>
      inflateRaw(bytes, { maxOutputLength }, (error, plain) => done(error === null ? plain : undefined)),
    requestPass: () => {
      if (this.#requested) return;
      this.#requested = true;
      setImmediate(this.#pass);
    },
    fatal: (error) => {
      console.error(error);
      process.exit(1);
    },
    log: () => undefined,
  };
  readonly #timer = setInterval(() => this.store?.tick(), 50);

  readonly #pass = (): void => {
    this.#requested = false;
    this.store?.pass();
  };

  async open(): Promise<{ readonly engine: Engine; readonly store: Store }> {
    const engine = await openLevelEngine(this.env, { path: join(data, "store"), ...WRITE_BUFFER });
    const store = await new Promise<Store>((done) => openStore(this.env, engine, { cacheBytesMax: CACHE_BYTES }, done));
    this.store = store;
    return { engine, store };
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.store?.close(done));
    this.store = undefined;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

/** The hashes of neighbours lie far apart, as those of real keys do. */
const hash = (n: number): number => (Math.imul(n, 2_654_435_761) ^ (n >>> 7)) >>> 0;
const slotOf = (n: number): Slot => slot(hash(n) % SLOTS);
const spaceOf = (n: number): number => slotOf(n) % SPACES;
/** Made from bytes, as a node does: text put together from pieces is slower to look up, and larger. */
const nameOf = (n: number): string =>
  Buffer.from(`user:${hash(n).toString(16).padStart(8, "0")}:${String(n).padStart(12, "0")}:profile`).toString(
    "latin1",
  );
const keyOf = (n: number): RowKey => ({ slot: slotOf(n), key: nameOf(n) });

const noise = new Uint8Array(1 << 16).map((_, i) => (Math.imul(i, i + 40_503) >>> 4) & 0xff);
/** Half of it compresses. */
function payloadOf(n: number): Uint8Array {
  const payload = new Uint8Array(VALUE_BYTES);
  payload.set(noise.subarray(hash(n) % 60_000).subarray(0, VALUE_BYTES >> 1));
  return payload;
}

interface Cpu {
  readonly wallMs: number;
  readonly allMs: number;
  readonly mainMs: number;
}

/** The main thread's own time stands in /proc, in ticks of 10 ms. */
function cpu(): Cpu {
  const { user, system } = process.cpuUsage();
  const fields = readFileSync(`/proc/self/task/${process.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return {
    wallMs: performance.now(),
    allMs: (user + system) / 1000,
    mainMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

/** With `node --expose-gc`: what is live, without garbage. */
function memory(): Record<"anonymousMib" | "mappedMib" | "heapMib" | "buffersMib", number> {
  globalThis.gc?.();
  const status = readFileSync("/proc/self/status", "utf8");
  const mib = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    anonymousMib: mib("RssAnon"),
    mappedMib: mib("RssFile"),
    heapMib: heapUsed >> 20,
    buffersMib: arrayBuffers >> 20,
  };
}

const COLUMNS = [
  "phase",
  "operations",
  "ops/s",
  "main µs/op",
  "all µs/op",
  "anon MiB",
  "mapped MiB",
  "heap MiB",
  "buffers MiB",
];

function print(cells: readonly (string | number)[]): void {
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(40) : String(cell).padStart(11))).join(" "));
}

async function phase(name: string, operations: number, run: () => Promise<void>): Promise<void> {
  const before = cpu();
  await run();
  const after = cpu();
  const each = (ms: number): string => ((ms * 1000) / operations).toFixed(2);
  const { anonymousMib, mappedMib, heapMib, buffersMib } = memory();
  const rate = Math.round((operations * 1000) / (after.wallMs - before.wallMs));
  print([
    name,
    operations,
    rate,
    each(after.mainMs - before.mainMs),
    each(after.allMs - before.allMs),
    anonymousMib,
    mappedMib,
    heapMib,
    buffersMib,
  ]);
}

const fetchRows = (space: Space, keys: readonly RowKey[]): Promise<Pins> =>
  new Promise((done) => space.fetch(keys, done));

/** `batch` keys become one entry of one space: fetched, then `apply`d, then counted as applied. */
async function entries(
  store: Store,
  total: number,
  batch: number,
  pick: (i: number) => number,
  apply: (space: Space, n: number) => void,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < total) {
      while (store.full) await new Promise((resolve) => setImmediate(resolve));
      const wanted = new Map<Space, number[]>();
      for (let i = 0; i < batch && next < total; i += 1, next += 1) {
        const n = pick(next);
        const space = store.spaces[spaceOf(n)] as Space;
        wanted.set(space, [...(wanted.get(space) ?? []), n]);
      }
      await Promise.all(
        [...wanted].map(async ([space, numbers]) => {
          const pins = await fetchRows(space, numbers.map(keyOf));
          for (const n of numbers) apply(space, n);
          space.applied(index(space.appliedIndex + 1));
          pins.release();
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
}

const put = (space: Space, n: number): void => {
  space.put(slotOf(n), nameOf(n), { kind: RowKind.string, version: 1, expiresAtMs: ENDS_MS, payload: payloadOf(n) });
};

const read = (space: Space, n: number): void => {
  if (space.get(slotOf(n), nameOf(n)) === undefined) throw new Error("a fetched row is not in memory");
};

const flush = (store: Store): Promise<void> => new Promise((done) => store.flush(done));

/** Main-thread time of one call on rows in memory, without anything around it. */
function resident(store: Store): void {
  const count = 20_000;
  const space = store.spaces[0] as Space;
  const keys = Array.from({ length: count }, (_, i) => keyOf(KEYS * 9 + i));
  const rows = keys.map((_, i) => ({ kind: RowKind.string, version: 1, expiresAtMs: 0, payload: payloadOf(i) }));
  const time = (name: string, rounds: number, call: (i: number) => void): void => {
    for (let i = 0; i < count; i += 1) call(i);
    const before = cpu();
    for (let round = 0; round < rounds; round += 1) for (let i = 0; i < count; i += 1) call(i);
    const after = cpu();
    const calls = rounds * count;
    const us = ((after.mainMs - before.mainMs) * 1000) / calls;
    print([name, calls, Math.round((calls * 1000) / (after.wallMs - before.wallMs)), us.toFixed(3)]);
  };
  time("put, resident", 100, (i) => {
    const { slot, key } = keys[i] as RowKey;
    space.put(slot, key, rows[i] as (typeof rows)[number]);
  });
  time("get, resident", 100, (i) => {
    const { slot, key } = keys[i] as RowKey;
    space.get(slot, key);
  });
  space.applied(index(space.appliedIndex + 1));
}

const random = (): number => Math.floor(Math.random() * KEYS);

async function load(store: Store): Promise<void> {
  for (let i = 0; i < SPACES; i += 1) {
    await new Promise((done) => store.createSpace(groupId(i + 1), replicaId(i + 1), new Map(), done));
  }
  let bytesMade = 0;
  await phase("making keys and values, for comparison", KEYS >> 1, async () => {
    for (let n = 0; n < KEYS >> 1; n += 1) bytesMade += keyOf(n).key.length + payloadOf(n).length + nameOf(n).length;
  });
  if (bytesMade === 0) throw new Error("nothing was made");
  await phase("load new keys, 64 an entry", KEYS, async () => {
    await entries(store, KEYS, 64, (i) => i, put);
    await flush(store);
  });
}

/** Opens the store and reads one row: what a restart takes, apart from the log. */
async function opened(loop: Loop, name: string): Promise<{ readonly engine: Engine; readonly store: Store }> {
  const start = performance.now();
  const found = await loop.open();
  const space = found.store.spaces[0];
  if (space !== undefined) (await fetchRows(space, [keyOf(5)])).release();
  const { anonymousMib, mappedMib, heapMib, buffersMib } = memory();
  const took = `${(performance.now() - start).toFixed(0)} ms`;
  print([name, "", took, "", "", anonymousMib, mappedMib, heapMib, buffersMib]);
  return found;
}

async function main(): Promise<void> {
  const loop = new Loop();
  console.log(
    `${KEYS} keys of ${nameOf(0).length} bytes, values of ${VALUE_BYTES}, cache ${CACHE_BYTES >> 20} MiB, ${data}`,
  );
  print(COLUMNS);
  const { engine, store } = await opened(loop, "open");
  if (store.spaces.length === 0) await load(store);
  if (!options["load-only"]) await used(store);
  const bytes = await sizeBytes(engine);
  await loop.close();
  const again = await opened(loop, "open again");
  console.log(`${(bytes / 2 ** 20).toFixed(0)} MiB on disk in ${readdirSync(join(data, "store")).length} files`);
  if (made) await emptied(again.engine, again.store);
  await loop.close();
  loop.end();
  if (made) rmSync(data, { recursive: true });
}

const sizeBytes = (engine: Engine): Promise<number> => new Promise((done) => engine.sizeBytes(done));

async function used(store: Store): Promise<void> {
  resident(store);
  await flush(store);
  const some = Math.min(KEYS, 300_000);
  await phase("update random keys, 64 an entry", some, async () => {
    await entries(store, some, 64, random, put);
    await flush(store);
  });
  for (const batch of [1, 16, 128]) {
    const reads = Math.max(5_000, some >> (batch === 1 ? 4 : 1));
    await phase(`read random keys, ${batch} an entry`, reads, () => entries(store, reads, batch, random, read));
    await phase(`read absent keys, ${batch} an entry`, reads, () =>
      entries(store, reads, batch, (i) => KEYS * (2 + batch) + i, read),
    );
  }
  await phase("snapshot of one space, rows", Math.floor(KEYS / SPACES), () => readSnapshot(store));
}

/** Records of spaces lie in space 0, behind slot ffff, under class 52; one goes with the last row of its space. */
const SPACE_RECORDS = {
  from: Uint8Array.of(0, 0, 0, 0, 0xff, 0xff, 0x52),
  to: Uint8Array.of(0, 0, 0, 0, 0xff, 0xff, 0x53),
  rowsMax: 100,
  bytesMax: 1 << 20,
  values: false,
};

/** As FLUSHALL does, then until the last row is deleted in the background. */
async function emptied(engine: Engine, store: Store): Promise<void> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await phase("give back the space of all keys", KEYS, async () => {
    for (const space of store.spaces) {
      space.clear();
      space.applied(index(space.appliedIndex + 1));
    }
    await flush(store);
    const records = (): Promise<number> =>
      new Promise((done) => engine.range(SPACE_RECORDS, ({ rows }) => done(rows.length)));
    while ((await records()) > SPACES) await sleep(50);
  });
  delays.disable();
  const ms = (ns: number): string => (ns / 1e6).toFixed(1);
  console.log(
    `turns of the loop meanwhile: p50 ${ms(delays.percentile(50))}, p99 ${ms(delays.percentile(99))}, max ${ms(delays.max)} ms`,
  );
  console.log(`${((await sizeBytes(engine)) / 2 ** 20).toFixed(0)} MiB on disk are left`);
}

async function readSnapshot(store: Store): Promise<void> {
  const reader = await new Promise<SnapshotReader>((done) => store.openSnapshot(store.spaces[0] as Space, done));
  while ((await new Promise((done) => reader.next(done))) !== undefined);
  reader.close();
}

await main();
