import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { SherdError } from "../../core/base/index.ts";
import type { Disk } from "../../core/env/index.ts";
import { openHostDisk } from "./index.ts";

let root: string;
let disk: Disk;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sherd-disk-"));
  disk = openHostDisk(root, {
    fatal: (error): never => {
      throw error;
    },
  });
});

afterEach(() => rmSync(root, { recursive: true }));

const done = (start: (done: () => void) => void): Promise<void> => new Promise((resolve) => start(resolve));

test("directories are made with their parents and listed in order; a missing one is empty", () => {
  disk.makeDirectory("a/b/c");
  disk.makeDirectory("a/b/c");
  disk.writeFile("a/b/2", new Uint8Array(0));
  disk.writeFile("a/b/1", new Uint8Array(0));
  expect(disk.list("a/b")).toEqual(["1", "2", "c"]);
  expect(disk.list("none")).toEqual([]);
});

test("a small file is replaced as a whole, and nothing stays beside it", () => {
  expect(disk.readFile("plan")).toBeUndefined();
  disk.writeFile("plan", new Uint8Array([1, 2, 3]));
  disk.writeFile("plan", new Uint8Array([4]));
  expect([...(disk.readFile("plan") ?? [])]).toEqual([4]);
  expect(disk.list("")).toEqual(["plan"]);
  disk.removeFile("plan");
  expect(disk.list("")).toEqual([]);
});

test("a zeroed file has its size and takes writes at any place, whose parts lie one behind the other", async () => {
  await done((created) => disk.createZeroed("segment", 2_500_000, created));
  expect(disk.size("segment")).toBe(2_500_000);
  const file = disk.open("segment");
  await done((written) => file.write(1_000, [new Uint8Array([1, 2]), new Uint8Array([3])], written));
  await done((written) => file.write(2_499_999, [new Uint8Array([9])], written));
  const read = await new Promise<Uint8Array>((resolve) => file.read(999, 5, resolve));
  expect([...read]).toEqual([0, 1, 2, 3, 0]);
  const end = await new Promise<Uint8Array>((resolve) => file.read(2_499_998, 10, resolve));
  expect([...end]).toEqual([0, 9]);
  const into = new Uint8Array(4);
  expect(disk.readInto("segment", 1_001, into)).toBe(4);
  expect([...into]).toEqual([2, 3, 0, 0]);
  expect(disk.readInto("segment", 2_499_998, into)).toBe(2);
  file.close();
  expect(statSync(join(root, "segment")).size).toBe(2_500_000);
});

test("closing a file waits for what it still does", async () => {
  await done((created) => disk.createZeroed("segment", 4096, created));
  const file = disk.open("segment");
  const written = done((ended) => file.write(0, [new Uint8Array([7])], ended));
  file.close();
  await written;
  expect(readFileSync(join(root, "segment"))[0]).toBe(7);
});

test("failures name the file and say what to do", async () => {
  expect(() => disk.size("none")).toThrow(/SHERD_DISK_READ_FAILED: .*none/);
  expect(() => disk.open("none")).toThrow(/SHERD_DISK_WRITE_FAILED: .*none/);
  writeFileSync(join(root, "file"), "");
  expect(() => disk.makeDirectory("file/below")).toThrow(/SHERD_DISK_WRITE_FAILED/);
});

test.skipIf(!existsSync("/dev/full"))(
  "a full disk has an error of its own, at open files and at small ones",
  async () => {
    const fatal = await new Promise<SherdError>((resolve) => {
      const full = openHostDisk("/dev", { fatal: (error) => resolve(error as SherdError) as never });
      full.open("full").write(0, [new Uint8Array(10)], () => {});
    });
    expect(fatal.code).toBe("SHERD_DISK_FULL");
    expect(fatal.message).toContain("/dev/full");
  },
);

test("free space is told", async () => {
  expect(await new Promise<number>((resolve) => disk.freeBytes(resolve))).toBeGreaterThan(0);
});
