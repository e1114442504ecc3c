import type { SherdError } from "sherd/core/base";
import { expect, test } from "vitest";
import { SimCrashed, SimDisk, type SimDiskOptions } from "./index.ts";

const SECTOR = 512;

/** A seed, a clock and a queue. */
class World {
  readonly events: { atMs: number; event: () => void }[] = [];
  readonly disk: SimDisk;
  nowMs = 0;
  #state: number;

  constructor(seed = 1, options: SimDiskOptions = {}) {
    this.#state = seed;
    this.disk = new SimDisk(this, options);
  }

  random32(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return (this.#state ^ (this.#state >>> 15)) >>> 0;
  }

  schedule(delayMs: number, event: () => void): void {
    this.events.push({ atMs: this.nowMs + delayMs, event });
  }

  run(): void {
    while (this.events.length > 0) {
      this.events.sort((left, right) => left.atMs - right.atMs);
      const next = this.events.shift();
      this.nowMs = next?.atMs ?? 0;
      next?.event();
    }
  }

  mount(): ReturnType<SimDisk["mount"]> {
    return this.disk.mount((error: SherdError): never => {
      throw error;
    });
  }
}

const ones = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(1);

/** A disk with one file of zeros. */
function withFile(seed: number, bytes: number, path = "file"): { world: World; mounted: ReturnType<World["mount"]> } {
  const world = new World(seed);
  const mounted = world.mount();
  mounted.createZeroed(path, bytes, () => {});
  world.run();
  return { world, mounted };
}

test("a completed write survives every crash", () => {
  for (const crash of ["power", "process"] as const) {
    const { world, mounted } = withFile(1, 4096);
    let done = false;
    mounted.open("file").write(100, [ones(1000), ones(10)], () => {
      done = true;
    });
    expect(done).toBe(false);
    world.run();
    expect(done).toBe(true);
    world.disk.crash(crash);
    world.disk.crash("power");
    expect(world.disk.bytes("file").subarray(100, 1110)).toEqual(ones(1010));
  }
});

test("a power failure leaves any sectors of a write under way, each whole or not at all; its completion never comes", () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 200; seed += 1) {
    const { world, mounted } = withFile(seed, 4096);
    mounted.open("file").write(SECTOR, [ones(3 * SECTOR)], () => expect.unreachable());
    world.disk.crash("power");
    world.run();
    const bytes = world.disk.bytes("file");
    const sectors = [0, 1, 2, 3, 4].map((sector) => bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR));
    for (const sector of sectors) expect(new Set(sector).size).toBe(1);
    outcomes.add(sectors.map((sector) => sector[0]).join(""));
  }
  expect(outcomes).toEqual(new Set(["00000", "01000", "00100", "00010", "01100", "01010", "00110", "01110"]));
});

test("what a killed process wrote can be seen, and is lost with the power unless it was synced", () => {
  const seen = { kept: 0, lost: 0, synced: 0 };
  for (let seed = 1; seed <= 100; seed += 1) {
    const { world, mounted } = withFile(seed, SECTOR);
    mounted.open("file").write(0, [ones(SECTOR)], () => expect.unreachable());
    world.disk.crash("process");
    if (world.disk.bytes("file")[0] === 0) continue;
    if (seed % 2 === 0) {
      world.mount().sync("file");
      world.disk.crash("power");
      expect(world.disk.bytes("file")[0]).toBe(1);
      seen.synced += 1;
    } else {
      world.disk.crash("power");
      if (world.disk.bytes("file")[0] === 1) seen.kept += 1;
      else seen.lost += 1;
    }
  }
  expect(Math.min(seen.kept, seen.lost, seen.synced)).toBeGreaterThan(0);
});

test("a file that was being made is absent, short or whole", () => {
  const sizes = new Set<number | undefined>();
  for (let seed = 1; seed <= 100; seed += 1) {
    const world = new World(seed);
    world.mount().createZeroed("file", 3 * SECTOR, () => expect.unreachable());
    world.disk.crash("power");
    sizes.add(world.disk.paths().includes("file") ? world.disk.bytes("file").length : undefined);
  }
  expect(sizes).toEqual(new Set([undefined, 0, SECTOR, 2 * SECTOR, 3 * SECTOR]));
});

test("the code of a crashed process is stopped when it goes on", () => {
  const { world, mounted } = withFile(1, SECTOR);
  const file = mounted.open("file");
  world.disk.crash();
  expect(() => file.write(0, [ones(1)], () => {})).toThrow(SimCrashed);
  expect(() => mounted.list("")).toThrow(SimCrashed);
  expect(world.mount().list("")).toEqual(["file"]);
});

test("a crash at a request: the request does not happen", () => {
  const { world, mounted } = withFile(1, SECTOR);
  world.disk.beforeRequest = (request) => {
    if (request === "writeFile") world.disk.crash();
  };
  expect(() => mounted.writeFile("small", ones(3))).toThrow(SimCrashed);
  expect(world.disk.paths()).toEqual(["file"]);
});

test("a hanging disk completes nothing until it resumes", () => {
  const { world, mounted } = withFile(1, SECTOR);
  let done = false;
  world.disk.hang();
  mounted.open("file").write(0, [ones(1)], () => {
    done = true;
  });
  world.run();
  expect(done).toBe(false);
  world.disk.resume();
  expect(done).toBe(true);
});

test("a full disk, a failed write and a caller who changes bytes under way are errors", () => {
  const { world, mounted } = withFile(1, SECTOR);
  world.disk.capacityBytes = 2 * SECTOR;
  expect(() => mounted.writeFile("other", ones(SECTOR + 1))).toThrow(/SHERD_DISK_FULL/);
  mounted.createZeroed("other", 2 * SECTOR, () => expect.unreachable());
  expect(() => world.run()).toThrow(/SHERD_DISK_FULL: .*other/);
  world.disk.failNext.write = true;
  mounted.open("file").write(0, [ones(1)], () => expect.unreachable());
  expect(() => world.run()).toThrow(/SHERD_DISK_WRITE_FAILED: .*file/);
  world.disk.failNext.read = true;
  mounted.open("file").read(0, 1, () => expect.unreachable());
  expect(() => world.run()).toThrow(/SHERD_DISK_READ_FAILED: .*file/);
  world.disk.failNext.read = true;
  expect(() => mounted.readInto("file", 0, new Uint8Array(1))).toThrow(/SHERD_DISK_READ_FAILED: .*file/);
  const bytes = ones(10);
  mounted.open("file").write(0, [bytes], () => {});
  bytes[0] = 2;
  expect(() => world.run()).toThrow("bytes under way to the disk are not changed");
});

test("a flipped bit", () => {
  const { world } = withFile(1, SECTOR);
  world.disk.flipBit("file", 17, 3);
  expect(world.disk.bytes("file")[17]).toBe(8);
});

test("a bit flips in what is old, never in the last completed write", () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const { world, mounted } = withFile(seed, 4 * SECTOR, "log/file");
    expect(world.disk.flipOldBit("log", () => world.random32())).toBe(false);
    mounted.open("log/file").write(0, [ones(SECTOR)], () => {});
    world.run();
    mounted.open("log/file").write(SECTOR, [ones(SECTOR)], () => {});
    world.run();
    expect(world.disk.flipOldBit("log", () => world.random32())).toBe(true);
    const bytes = world.disk.bytes("log/file");
    expect(bytes.subarray(0, SECTOR)).not.toEqual(ones(SECTOR));
    expect(bytes.subarray(SECTOR, 2 * SECTOR)).toEqual(ones(SECTOR));
  }
});

test("a misdirected write is reported done and lies elsewhere; a crash before the next write takes it back", () => {
  let elsewhere = 0;
  for (let seed = 1; seed <= 100; seed += 1) {
    const { world, mounted } = withFile(seed, 4 * SECTOR, "log/file");
    world.disk.misdirectNextWrite(() => world.random32());
    mounted.open("log/file").write(SECTOR, [ones(SECTOR)], () => {});
    world.run();
    const away = world.disk.bytes("log/file")[SECTOR] === 0;
    if (away) elsewhere += 1;
    if (seed % 2 === 0) {
      world.disk.crash("power");
      expect(world.disk.bytes("log/file")).toEqual(
        new Uint8Array([...new Uint8Array(SECTOR), ...ones(SECTOR), ...new Uint8Array(2 * SECTOR)]),
      );
    } else {
      mounted.open("log/file").write(2 * SECTOR, [ones(SECTOR)], () => {});
      world.run();
      world.disk.crash("power");
      expect(world.disk.bytes("log/file")[SECTOR]).toBe(away ? 0 : 1);
    }
  }
  expect(elsewhere).toBeGreaterThan(50);
});

test("a slow disk takes longer, but not for ever", () => {
  const { world, mounted } = withFile(1, SECTOR);
  world.disk.slowFactor = 100;
  const began = world.nowMs;
  mounted.open("file").write(0, [ones(1)], () => {});
  expect(world.disk.late).toBe(true);
  world.run();
  expect(world.nowMs - began).toBeGreaterThanOrEqual(10);
  expect(world.disk.late).toBe(false);
});
