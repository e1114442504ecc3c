import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { groupId, index, replicaId, term } from "../../core/base/index.ts";
import type { Env } from "../../core/env/index.ts";
import { type Log, type LogOptions, openLog } from "../../core/log/index.ts";
import { type Entry, EntryKind } from "../../core/raft/index.ts";
import { openHostDisk } from "./index.ts";
import { bundle } from "./testing/bundle.ts";

const MIB = 1024 * 1024;
// Some hundred writes that wait for the disk, which others may keep busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "sherd-log-"));
});
afterAll(() => rmSync(root, { recursive: true }));

function open(directory: string, options: LogOptions): Promise<Log> {
  const env = {
    monotonicMs: () => performance.now(),
    random32: () => Math.floor(Math.random() * 2 ** 32),
    checksum: crc32,
    log: () => {},
    fatal: (error: Error): never => {
      throw error;
    },
  } as unknown as Env;
  const handler = { onTruncated: () => {}, onSlowWrite: () => {}, onPressure: () => {} };
  const disk = openHostDisk(directory, env);
  return new Promise((resolve) => openLog(env, disk, options, handler, resolve));
}

const entry = (at: number, bytes: number): Entry => ({
  index: index(at),
  term: term(1 + Math.floor(at / 1000)),
  kind: EntryKind.normal,
  data: new Uint8Array(bytes).fill(at % 256),
});

function append(log: Log, group: number, entries: readonly Entry[]): Promise<void> {
  const last = entries.at(-1) as Entry;
  const hardState = { term: last.term, vote: replicaId(1), commit: index(last.index - 1) };
  return new Promise((resolve) => {
    log.append(groupId(group), hardState, entries, resolve);
    log.flush();
  });
}

const read = (log: Log, group: number, from: number, to: number): Promise<Entry[]> =>
  new Promise((resolve) => log.read(groupId(group), index(from), index(to), MIB, resolve));

test("thirty megabytes of three groups on real files: written, read back, recovered, used again", async () => {
  const options = { segmentBytes: 4 * MIB, retainedBytesMax: 16 * MIB };
  const log = await open(root, options);
  const written: Promise<void>[] = [];
  for (let at = 1; at <= 3000; at += 50) {
    for (const group of [1, 2, 3]) {
      written.push(
        append(
          log,
          group,
          Array.from({ length: 50 }, (_, i) => entry(at + i, 1000 + ((at + i) % 5000))),
        ),
      );
    }
    if (written.length % 30 === 0) await Promise.all(written);
  }
  await Promise.all(written);
  expect(await read(log, 2, 1990, 2001)).toEqual(
    Array.from({ length: 11 }, (_, i) => entry(1990 + i, 1000 + (1990 + i))),
  );
  await new Promise<void>((resolve) => log.close(resolve));

  const again = await open(root, options);
  expect([...again.recovered.values()].map(({ last, hardState }) => [last, hardState.term])).toEqual([
    [3000, 4],
    [3000, 4],
    [3000, 4],
  ]);
  for (const group of [1, 2, 3]) {
    const all = again.readNow(groupId(group), index(1), index(3001));
    expect(
      all.every((found, i) => found.data.length === 1000 + ((i + 1) % 5000) && found.data[0] === (i + 1) % 256),
    ).toBe(true);
    again.release(groupId(group), index(3000), index(3001));
  }
  // What nobody needs is used again: another thirty megabytes make no new file.
  const files = readdirSync(join(root, "log")).length;
  for (let at = 3001; at <= 6000; at += 50) {
    const added = [1, 2, 3].map((group) =>
      append(
        again,
        group,
        Array.from({ length: 50 }, (_, i) => entry(at + i, 3000)),
      ),
    );
    await Promise.all(added);
    for (const group of [1, 2, 3]) again.release(groupId(group), index(at + 49), index(at + 50));
    again.tick();
  }
  expect(readdirSync(join(root, "log")).length).toBe(files);
  await new Promise<void>((resolve) => again.close(resolve));
});

test("kill -9 of a process that appends: all it acknowledged is there, in any moment it dies", async () => {
  const program = await bundle(new URL("./testing/log-writer.ts", import.meta.url), root);
  const directory = mkdtempSync(join(root, "killed-"));
  let acknowledged = 0;
  for (let round = 0; round < 5; round += 1) {
    const child: ChildProcess = spawn(process.execPath, [program, directory], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const target = acknowledged + 200 + round * 77;
    lines.on("line", (line) => {
      acknowledged = Math.max(acknowledged, Number(line));
      if (acknowledged >= target) child.kill("SIGKILL");
    });
    await Promise.all([once(child, "exit"), once(lines, "close")]);
    expect(acknowledged).toBeGreaterThanOrEqual(target);
    const log = await open(directory, { segmentBytes: MIB });
    const last = log.last(groupId(1));
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    const all = log.readNow(groupId(1), index(1), index(last + 1));
    expect(all.every(({ data }, i) => data.length === 1 + (((i + 1) * 37) % 3000) && data[0] === (i + 1) % 256)).toBe(
      true,
    );
    await new Promise<void>((resolve) => log.close(resolve));
  }
});
