import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { lockDirectory, lockHolder } from "./index.ts";
import { bundle } from "./testing/bundle.ts";

let built: string;
let program: string;
let directory: string;
const children: ChildProcess[] = [];

// Bundling and starting processes takes its time on a machine that is busy with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), "sherd-lock-holder-"));
  program = await bundle(new URL("./testing/lock-holder.ts", import.meta.url), built);
});
afterAll(() => rmSync(built, { recursive: true }));

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sherd-lock-"));
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(directory, { recursive: true });
});

/** A process that tries to take the lock, and its first line. */
async function start(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [program, directory], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  // Ends also when the process does: one that dies without a word must not be waited for.
  for await (const said of lines) return { child, said };
  throw new Error("the process said nothing");
}

test("a second process is refused and told who holds the directory", async () => {
  const first = await start();
  expect(first.said).toBe("held");
  await expect(lockDirectory(directory)).rejects.toThrow(
    `SHERD_DATA_IN_USE: Process ${first.child.pid} uses ${directory}.`,
  );
  expect(await lockHolder(directory)).toBe(first.child.pid);
});

test("a second lock in the same process is refused", async () => {
  const lock = await lockDirectory(directory);
  await expect(lockDirectory(directory)).rejects.toThrow("SHERD_DATA_IN_USE");
  await lock.release();
  await (await lockDirectory(directory)).release();
});

test("kill -9 of the holder releases the lock at once, and its name is cleared away", async () => {
  const first = await start();
  first.child.kill("SIGKILL");
  await once(first.child, "exit");
  expect(await lockHolder(directory)).toBeUndefined();
  const lock = await lockDirectory(directory);
  expect(readdirSync(join(directory, "lock"))).toEqual([expect.stringMatching(`^${process.pid}-.*sock$`)]);
  await lock.release();
  expect(readdirSync(join(directory, "lock"))).toEqual([]);
});

test("a stopped process still holds its lock", async () => {
  const first = await start();
  first.child.kill("SIGSTOP");
  await expect(lockDirectory(directory)).rejects.toThrow("SHERD_DATA_IN_USE");
  first.child.kill("SIGCONT");
});

test("of processes that start together over a dead one's remains, one holds the lock and all others are refused", async () => {
  for (let round = 0; round < 2; round += 1) {
    const answers = await Promise.all(Array.from({ length: 4 }, () => start()));
    const held = answers.filter(({ said }) => said === "held");
    const refused = answers.filter(({ said }) => said.startsWith("SHERD_DATA_IN_USE"));
    expect([held.length, refused.length]).toEqual([1, 3]);
    held[0]?.child.kill("SIGKILL");
    await once(held[0]?.child as ChildProcess, "exit");
  }
});

test("a directory with a path longer than a socket's address can be locked", async () => {
  const deep = join(directory, "d".repeat(100), "e".repeat(100));
  mkdirSync(deep, { recursive: true });
  const lock = await lockDirectory(deep);
  await expect(lockDirectory(deep)).rejects.toThrow("SHERD_DATA_IN_USE");
  await lock.release();
});
