/**
 * What the log costs on this machine's disk, next to the bare writes it stands on.
 *
 *   node scripts/run.mjs packages/bench/dist/log.js [--directory DIR] [--seconds 3] [--bytes 160]
 *
 * Bare: appends of one entry's bytes, one after the other: to a growing file with fdatasync, and into a zero-filled file
 * with O_DSYNC. Log: batches of entries, the next one gathered while the one before is written; the last column is
 * the processor time of all threads (with making the entries) in microseconds an entry. Recovery: 250 MiB read at a start.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, fdatasync, mkdtempSync, openSync, rmSync, write, writeSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import { groupId, type Index, index, latin1, replicaId, term } from "sherd/core/base";
import type { Env } from "sherd/core/env";
import { type Log, type LogOptions, openLog } from "sherd/core/log";
import { type Entry, EntryKind } from "sherd/core/raft";
import { openHostDisk } from "sherd/host/disk";

const { values } = parseArgs({
  options: {
    directory: { type: "string", default: tmpdir() },
    seconds: { type: "string", default: "3" },
    bytes: { type: "string", default: "160" },
  },
});
const MEASURED_MS = Number(values.seconds) * 1000;
const ENTRY_BYTES = Number(values.bytes);
const GROUPS = 4;
const BARE_FILE_BYTES = 64 * 1024 * 1024;

const fatal = (error: Error): never => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
};

const env: Env = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  random32: () => randomBytes(4).readUInt32LE(0),
  checksum: (bytes, seed = 0) => crc32(bytes, seed),
  latin1,
  deflate: () => fatal(new Error("the log does not compress")),
  inflate: () => fatal(new Error("the log does not compress")),
  requestPass: () => {},
  fatal,
  log: () => {},
};

interface Result {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function summarize(latenciesMs: number[], count: number, elapsedMs: number): Result {
  const sorted = Float64Array.from(latenciesMs).sort();
  const at = (quantile: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0;
  return { perSecond: (count * 1000) / elapsedMs, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** One write after the other of one entry's bytes. */
async function bare(path: string, zeroed: boolean): Promise<Result> {
  const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | (zeroed ? constants.O_DSYNC : 0), 0o644);
  if (zeroed) {
    const zeros = new Uint8Array(1024 * 1024);
    for (let at = 0; at < BARE_FILE_BYTES; at += zeros.length) writeSync(descriptor, zeros, 0, zeros.length, at);
  }
  const bytes = randomBytes(ENTRY_BYTES);
  const latencies: number[] = [];
  const startMs = performance.now();
  let position = 0;
  while (performance.now() - startMs < MEASURED_MS) {
    const beginMs = performance.now();
    await new Promise<void>((resolve, reject) => {
      const settle = (error: Error | null): void => (error === null ? resolve() : reject(error));
      write(descriptor, bytes, 0, bytes.length, position, (error) => {
        if (error !== null || zeroed) settle(error);
        else fdatasync(descriptor, settle);
      });
    });
    position = (position + bytes.length) % (BARE_FILE_BYTES - bytes.length);
    latencies.push(performance.now() - beginMs);
  }
  const elapsedMs = performance.now() - startMs;
  closeSync(descriptor);
  return summarize(latencies, latencies.length, elapsedMs);
}

function open(directory: string, options: LogOptions): Promise<Log> {
  const disk = openHostDisk(directory, env);
  const handler = { onTruncated: () => {}, onSlowWrite: () => {}, onPressure: () => {} };
  return new Promise((resolve) => openLog(env, disk, options, handler, resolve));
}

const closed = (log: Log): Promise<void> => new Promise((resolve) => log.close(resolve));

/** Batches of entries, two under way: one being written, one gathered. */
async function batches(log: Log, batch: number): Promise<Result & { readonly cpuMicros: number }> {
  const data = new Uint8Array(randomBytes(ENTRY_BYTES));
  const latencies: number[] = [];
  const ticker = setInterval(() => log.tick(), 50);
  // The first segments are made while a new log already serves; what is measured is the state after that.
  while (log.stats.segments < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  const before = process.cpuUsage();
  const startMs = performance.now();
  let appended = 0;
  let round = 0;
  const one = async (): Promise<void> => {
    while (performance.now() - startMs < MEASURED_MS) {
      const group = groupId(1 + (round % GROUPS));
      round += 1;
      const first = log.last(group) + 1;
      const entries: Entry[] = [];
      for (let at = first; at < first + batch; at += 1) {
        entries.push({ index: index(at), term: term(1), kind: EntryKind.normal, data });
      }
      const last = index(first + batch - 1);
      const beginMs = performance.now();
      await new Promise<void>((resolve) => {
        log.append(group, { term: term(1), vote: replicaId(1), commit: index(first - 1) }, entries, resolve);
        log.flush();
      });
      latencies.push(performance.now() - beginMs);
      appended += batch;
      log.release(group, last, (last + 1) as Index);
    }
  };
  await Promise.all([one(), one()]);
  const elapsedMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  clearInterval(ticker);
  return { ...summarize(latencies, appended, elapsedMs), cpuMicros: (user + system) / appended };
}

/** Fills the log up to its limit and measures the next start. */
async function recovery(directory: string, entryBytes: number): Promise<string> {
  const log = await open(directory, {});
  const data = new Uint8Array(randomBytes(entryBytes));
  let entries = 0;
  while (log.retainedBytes < 250 * 1024 * 1024) {
    const first = log.last(groupId(1)) + 1;
    const count = Math.ceil(100_000 / entryBytes);
    const batch = Array.from({ length: count }, (_, i) => ({
      index: index(first + i),
      term: term(1),
      kind: EntryKind.normal,
      data,
    }));
    entries += count;
    await new Promise<void>((resolve) => {
      log.append(groupId(1), { term: term(1), vote: replicaId(1), commit: index(0) }, batch, resolve);
      log.flush();
    });
  }
  await closed(log);
  const startMs = performance.now();
  const again = await open(directory, {});
  const elapsedMs = performance.now() - startMs;
  const mebibytes = Math.round(again.retainedBytes / 1024 / 1024);
  await closed(again);
  return `${mebibytes} MiB, ${entries} entries of ${entryBytes} bytes: ${elapsedMs.toFixed(0)} ms`;
}

const row = (cells: readonly (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(28) : String(cell).padStart(12))).join("");
const fixed = (value: number, digits: number): string => value.toFixed(digits);

const root = mkdtempSync(join(values.directory, "sherd-bench-log-"));
try {
  const out = (line: string): boolean => process.stdout.write(`${line}\n`);
  out(
    `node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "cpu"}, entries of ${ENTRY_BYTES} bytes`,
  );
  out(row(["", "per second", "p50 ms", "p99 ms", "cpu µs"]));
  for (const zeroed of [false, true]) {
    const result = await bare(join(root, zeroed ? "zeroed" : "growing"), zeroed);
    const name = zeroed ? "bare, zeroed, O_DSYNC" : "bare, growing, fdatasync";
    out(row([name, fixed(result.perSecond, 0), fixed(result.p50Ms, 3), fixed(result.p99Ms, 3), ""]));
  }
  for (const batch of [1, 10, 100, 1000]) {
    const log = await open(join(root, String(batch)), {});
    const result = await batches(log, batch);
    const { perSecond, p50Ms, p99Ms, cpuMicros } = result;
    out(row([`log, batches of ${batch}`, fixed(perSecond, 0), fixed(p50Ms, 3), fixed(p99Ms, 3), fixed(cpuMicros, 2)]));
    await closed(log);
  }
  for (const bytes of [ENTRY_BYTES, 20_000])
    out(`recovery of ${await recovery(join(root, `recovery-${bytes}`), bytes)}`);
} finally {
  rmSync(root, { recursive: true });
}
