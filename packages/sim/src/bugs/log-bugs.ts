import { type Index, NO_REPLICA } from "sherd/core/base";
import type { Disk, DiskFile } from "sherd/core/env";
import type { Log } from "sherd/core/log";
import { replaceMethods, type Sabotage, type Sabotaged } from "../node/index.ts";

const EARLY_MS = 0.05;

/** Completes at once; the bytes follow, one write after the other, and are lost with the power. Reads see them. */
function eagerFile(file: DiskFile, { world, process }: Sabotaged): DiskFile {
  const waiting: (() => void)[] = [];
  let writing = false;
  const next = (): void => {
    writing = false;
    while (!writing && waiting.length > 0) waiting.shift()?.();
  };
  return {
    read(position, length, done) {
      if (writing) waiting.push(() => file.read(position, length, done));
      else file.read(position, length, done);
    },
    close: () => file.close(),
    write(position, parts, done) {
      const copies = parts.map((part) => part.slice());
      const start = (): void => {
        writing = true;
        file.write(position, copies, next);
      };
      if (writing) waiting.push(start);
      else start();
      world.after(EARLY_MS, () => process.run(done));
    },
  };
}

export const diskAcknowledgesEarly: Sabotage = {
  disk: (disk: Disk, at) => replaceMethods(disk, { open: (path) => eagerFile(disk.open(path), at) }),
};

/** Every other completion is delivered without waiting for the write. */
export const logPersistsEarly: Sabotage = {
  log: (log: Log, { world, process }) =>
    replaceMethods(log, {
      append(group, hardState, entries, done) {
        log.append(group, hardState, entries, () => {});
        world.after(EARLY_MS, () => process.run(done));
      },
    }),
};

export const voteForgotten: Sabotage = {
  log: (log) =>
    replaceMethods(log, {
      recovered: new Map(
        [...log.recovered].map(([group, found]) => [
          group,
          { ...found, hardState: { ...found.hardState, vote: NO_REPLICA, term: before(found.hardState.term) } },
        ]),
      ),
    }),
};

/** The term that the node had before its last election. */
const before = <T extends number>(term: T): T => Math.max(1, term - 1) as T;

/** The last entry that a node had made durable is missing after its next start. */
export const logLosesLastEntry: Sabotage = {
  log: (log) =>
    replaceMethods(log, {
      recovered: new Map(
        [...log.recovered].map(([group, found]) => {
          if (found.last <= found.truncated.index + 1) return [group, found];
          const last = (found.last - 1) as Index;
          const commit = Math.min(found.hardState.commit, last) as Index;
          const termRuns = found.termRuns.filter((run) => run.first <= last);
          return [group, { ...found, last, termRuns, hardState: { ...found.hardState, commit } }];
        }),
      ),
    }),
};

const TOO_MUCH = 100;

/** Entries are dropped that the store has not flushed yet. */
export const logDropsUnflushed: Sabotage = {
  log: (log) =>
    replaceMethods(log, {
      release(group, durable, wanted) {
        const much = (at: Index): Index => Math.min(at + TOO_MUCH, Math.max(durable, log.last(group))) as Index;
        log.release(group, much(durable), much(wanted));
      },
    }),
};
