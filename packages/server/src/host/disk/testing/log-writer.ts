import { crc32 } from "node:zlib";
import { groupId, index, replicaId, term } from "../../../core/base/index.ts";
import type { Env } from "../../../core/env/index.ts";
import { openLog } from "../../../core/log/index.ts";
import { EntryKind } from "../../../core/raft/index.ts";
import { openHostDisk } from "../index.ts";

/** Appends that wait together. One at a time would make a test of the disk's speed out of it: each waits for a sync. */
const WAITING = 16;

/** Appends entries to one group of a log, some at a time, and writes down the index of each that is acknowledged. */
const root = process.argv[2] as string;
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
openLog(env, openHostDisk(root, env), { segmentBytes: 1024 * 1024 }, handler, (log) => {
  const group = groupId(1);
  const next = (): void => {
    const at = log.last(group) + 1;
    const data = new Uint8Array(1 + ((at * 37) % 3000)).fill(at % 256);
    const entry = { index: index(at), term: term(1), kind: EntryKind.normal, data };
    log.append(group, { term: term(1), vote: replicaId(1), commit: index(at - 1) }, [entry], () => {
      process.stdout.write(`${at}\n`);
      next();
    });
    log.flush();
  };
  for (let at = 0; at < WAITING; at += 1) next();
});
