import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDirectory } from "./directory-lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sherd-lock-"));
});
afterEach(() => rmSync(directory, { recursive: true }));
const lockFile = (): string => join(directory, "lock");

test("one holder at a time, and the next after the release", () => {
  const lock = lockDirectory(directory);
  expect(() => lockDirectory(directory)).toThrow(`SHERD_DATA_IN_USE: ${directory} is used by process ${process.pid}.`);
  lock.release();
  lockDirectory(directory).release();
  expect(readdirSync(directory)).toEqual([]);
});

test("a holder that was killed holds nothing, even when its process id is used again", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  await once(child, "spawn");
  const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
  const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  const write = (startTicks: string): void =>
    writeFileSync(lockFile(), JSON.stringify({ pid: child.pid, startTicks, nonce: "0" }));

  write(`${ticks} ${boot}`);
  expect(() => lockDirectory(directory)).toThrow(`used by process ${child.pid}`);
  write(`${Number(ticks) - 1} ${boot}`);
  lockDirectory(directory).release();
  write(`${ticks} ${boot}`);
  child.kill("SIGKILL");
  await once(child, "exit");
  lockDirectory(directory).release();
  expect(readdirSync(directory)).toEqual([]);
});

test.each(["", "{}", "garbage"])("a lock file of %j is nobody's", (text) => {
  writeFileSync(lockFile(), text);
  lockDirectory(directory).release();
});
