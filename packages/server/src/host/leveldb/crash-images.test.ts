import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { groupId, index, latin1, latin1Bytes, replicaId, SherdError } from "../../core/base/index.ts";
import type { Engine, Env } from "../../core/env/index.ts";
import { openStore, type Pins, type Space, type Store } from "../../core/store/index.ts";
import { row, slotOf, textOf, World } from "../../core/store/testing/world.ts";
import { openLevelEngine } from "./index.ts";

/**
 * What a power loss leaves of a LevelDB directory: every file as long as it was, except that what was not synced may be
 * missing, cut, zeroed or rubbish. Images are taken at random moments of a store at work, without closing anything.
 *
 * What is not synced: every batch is, so all of the log in use behind its length at the last completed batch. (Tables
 * and the manifest are synced by LevelDB itself before anything depends on them; here they stay as they are.)
 */
const KEYS = Array.from({ length: 40 }, (_, i) => `key${i}`);
const SMALL = { writeBufferBytes: 64 << 10 };

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sherd-images-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
});

let seed = 20_260_101;
function random(below: number): number {
  seed ^= seed << 13;
  seed ^= seed >>> 17;
  seed ^= seed << 5;
  return (seed >>> 0) % below;
}

/** A store over LevelDB with a pass of its own. */
class Running {
  readonly engine: Engine;
  readonly store: Store;
  readonly space: Space;
  /** `states[i]` is what the rows were at applied index i. */
  readonly states: ReadonlyMap<string, string>[] = [new Map()];
  durable = 0;

  private constructor(engine: Engine, store: Store, space: Space) {
    this.engine = engine;
    this.store = store;
    this.space = space;
  }

  static async open(path: string, fatal: (error: Error) => never): Promise<{ engine: Engine; store: Store }> {
    let store: Store | undefined;
    let requested = false;
    const pass = (): void => {
      requested = false;
      store?.pass();
    };
    const env: Env = {
      ...new World().env,
      checksum: (bytes, from = 0) => crc32(bytes, from),
      requestPass: () => {
        if (!requested) setImmediate(pass);
        requested = true;
      },
      fatal,
    };
    const engine = await openLevelEngine(env, { path, ...SMALL });
    store = await new Promise<Store>((done) => openStore(env, engine, { cacheBytesMax: 10_000 }, done));
    return { engine, store };
  }

  static async make(path: string): Promise<Running> {
    const { engine, store } = await Running.open(path, (error) => {
      throw error;
    });
    const space = await new Promise<Space>((done) => store.createSpace(groupId(1), replicaId(1), new Map(), done));
    const running = new Running(engine, store, space);
    space.setOwner({
      onFreeze: () => space.putSystem("at", latin1Bytes(`${space.appliedIndex}`)),
      onDurable: (applied) => {
        running.durable = applied;
      },
      onDamaged: (error) => {
        throw error;
      },
    });
    return running;
  }

  entry(): void {
    const state = new Map(this.states.at(-1));
    for (let changes = 1 + random(8); changes > 0; changes -= 1) {
      const key = KEYS[random(KEYS.length)] as string;
      const value = `${this.states.length}:${"v".repeat(random(3_000))}${random(1 << 30)}`;
      state.set(key, value);
      this.space.put(slotOf(key), key, row(value, this.states.length));
    }
    this.states.push(state);
    this.space.applied(index(this.states.length - 1));
  }

  flush(): Promise<void> {
    return new Promise((done) => this.store.flush(done));
  }

  close(): Promise<void> {
    return new Promise((done) => this.store.close(done));
  }
}

const fileNumber = (name: string): number => Number.parseInt(name, 10);
const logs = (path: string): string[] =>
  readdirSync(path)
    .filter((name) => name.endsWith(".log"))
    .sort((a, b) => fileNumber(a) - fileNumber(b));

interface SyncedLog {
  readonly name: string;
  readonly bytes: number;
}

/** The log in use and its length: exact while no batch is being written. */
function syncedLog(path: string): SyncedLog {
  const name = logs(path).at(-1) as string;
  return { name, bytes: statSync(join(path, name)).size };
}

/** Copies the files as they are in one moment; LevelDB's threads go on, so it tries until nothing moved meanwhile. */
function takeImage(from: string, to: string): void {
  for (;;) {
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to, { recursive: true });
    try {
      const before = readdirSync(from).filter((name) => name !== "LOCK");
      const manifest = before.find((name) => name.startsWith("MANIFEST")) as string;
      const manifestBytes = statSync(join(from, manifest)).size;
      const sizes = before.map((name) => {
        linkSync(join(from, name), join(to, name));
        return statSync(join(to, name)).size;
      });
      if (statSync(join(from, manifest)).size !== manifestBytes) continue;
      for (const [i, name] of before.entries()) cutCopy(join(to, name), sizes[i] as number);
      return;
    } catch (error) {
      // A file vanished between the listing and the link.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** The linked file becomes a copy of its own, of this length: the original grows on. */
function cutCopy(path: string, bytes: number): void {
  const content = readFileSync(path).subarray(0, bytes);
  rmSync(path);
  writeFileSync(path, content);
}

const harms = ["kept", "cut", "dropped", "zeroed", "page zeroed", "rubbish"] as const;

/** What a power loss may do to the log's bytes behind `synced`. */
function losePower(path: string, synced: SyncedLog, harm: (typeof harms)[number]): void {
  const current = logs(path).at(-1);
  if (current === undefined) return;
  const file = join(path, current);
  const size = statSync(file).size;
  const start = current === synced.name ? synced.bytes : 0;
  const unsynced = size - start;
  if (unsynced <= 0) return;
  const at = start + random(unsynced);
  const handle = openSync(file, "r+");
  if (harm === "cut") ftruncateSync(handle, at);
  if (harm === "dropped") ftruncateSync(handle, start);
  if (harm === "zeroed") writeSync(handle, new Uint8Array(size - at), 0, size - at, at);
  if (harm === "page zeroed")
    writeSync(handle, new Uint8Array(Math.min(4096, size - at)), 0, Math.min(4096, size - at), at);
  if (harm === "rubbish") {
    const rubbish = Uint8Array.from({ length: size - at }, () => random(256));
    writeSync(handle, rubbish, 0, rubbish.length, at);
  }
  closeSync(handle);
}

async function readAll(space: Space): Promise<Map<string, string>> {
  const keys = KEYS.map((key) => ({ slot: slotOf(key), key }));
  const pins = await new Promise<Pins>((done) => space.fetch(keys, done));
  const found = new Map<string, string>();
  for (const { slot, key } of keys) {
    const text = textOf(space.get(slot, key));
    if (typeof text === "string") found.set(key, text);
  }
  pins.release();
  return found;
}

const sorted = (map: ReadonlyMap<string, string>): [string, string][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

test("after a power loss every durable flush is there, whole, and nothing of half a flush", {
  timeout: 120_000,
}, async () => {
  const path = join(directory, "store");
  const running = await Running.make(path);
  let lost = 0;
  let unsyncedSeen = 0;
  for (let round = 0; round < 36; round += 1) {
    for (let flushes = random(4); flushes > 0; flushes -= 1) {
      for (let entries = 1 + random(12); entries > 0; entries -= 1) running.entry();
      await running.flush();
    }
    const synced = syncedLog(path);
    const { durable } = running;
    for (let entries = 1 + random(12); entries > 0; entries -= 1) running.entry();
    const flushed = running.flush();
    // Somewhere in the flush: before its first pass, while the batch is being written, behind it.
    for (let turns = random(6); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
    const image = join(directory, "image");
    takeImage(path, image);
    if (syncedLog(image).bytes !== synced.bytes || syncedLog(image).name !== synced.name) unsyncedSeen += 1;
    await flushed;

    losePower(image, synced, harms[round % harms.length] as (typeof harms)[number]);
    const after = await Running.open(image, (error) => {
      throw error;
    });
    const [space] = after.store.spaces as [Space];
    const applied = space.appliedIndex;
    expect(applied).toBeGreaterThanOrEqual(durable);
    expect(applied).toBeLessThanOrEqual(running.states.length - 1);
    if (applied === durable) lost += 1;
    expect(sorted(await readAll(space))).toEqual(sorted(running.states[applied] as ReadonlyMap<string, string>));
    if (applied > 0) expect(latin1(space.system("at") as Uint8Array)).toBe(`${applied}`);
    await new Promise<void>((done) => after.store.close(done));
  }
  await running.close();
  // Otherwise the images were all taken at the wrong moments, and the test says nothing.
  expect(unsyncedSeen).toBeGreaterThan(3);
  expect(lost).toBeGreaterThan(3);
});

test("damage inside what was synced is refused or reported, never served as if it were whole", {
  timeout: 120_000,
}, async () => {
  const path = join(directory, "store");
  const running = await Running.make(path);
  for (let flushes = 0; flushes < 30; flushes += 1) {
    running.entry();
    await running.flush();
  }
  const found = { refused: 0, reported: 0, whole: 0 };
  for (let round = 0; round < 30; round += 1) {
    // Each has a directory of its own: a store that refused to open is not closed.
    const image = join(directory, `image${round}`);
    takeImage(path, image);
    const { name, bytes } = syncedLog(image);
    if (bytes < 1_000) {
      running.entry();
      await running.flush();
      continue;
    }
    const at = random(bytes - 500);
    const handle = openSync(join(image, name), "r+");
    writeSync(
      handle,
      Uint8Array.from({ length: 1 + random(64) }, () => random(256)),
      0,
      undefined,
      at,
    );
    closeSync(handle);
    found[await judge(image, running)] += 1;
    running.entry();
    await running.flush();
  }
  await running.close();
  expect(found.refused + found.reported).toBeGreaterThan(2);
  expect(found.refused).toBeGreaterThan(0);
});

/** Opens a damaged image as a node would. */
async function judge(image: string, running: Running): Promise<"refused" | "reported" | "whole"> {
  let refusal: unknown;
  // A node would end here. Returning keeps the error from becoming an unhandled rejection; the first one counts.
  const fatal = ((error: Error): void => {
    refusal ??= error;
  }) as (error: Error) => never;
  const opened = Running.open(image, fatal).catch(fatal);
  const after = await Promise.race([opened, until(() => refusal !== undefined)]);
  if (after === undefined || refusal !== undefined) {
    expect(refusal).toBeInstanceOf(SherdError);
    expect((refusal as SherdError).code).toBe("SHERD_STORE_DAMAGED");
    return "refused";
  }
  const [space] = after.store.spaces as [Space];
  let damaged = false;
  space.setOwner({
    onFreeze: () => undefined,
    onDurable: () => undefined,
    onDamaged: () => {
      damaged = true;
    },
  });
  const rows = await Promise.race([readAll(space), until(() => damaged)]);
  await new Promise<void>((done) => after.store.close(done));
  if (rows === undefined) return "reported";
  // The end of the log may be gone: then it is as before its last flushes, and the write-ahead log finds the gap.
  expect(sorted(rows)).toEqual(sorted(running.states[space.appliedIndex] as ReadonlyMap<string, string>));
  return "whole";
}

async function until(condition: () => boolean): Promise<undefined> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  return undefined;
}
