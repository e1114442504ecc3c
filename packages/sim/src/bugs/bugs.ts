import { type GroupId, type Index, NO_REPLICA } from "sherd/core/base";
import type { Disk, DiskFile } from "sherd/core/env";
import type { Log } from "sherd/core/log";
import type { RaftCore } from "sherd/core/raft";
import { replaceMethods, type Sabotage, type Sabotaged } from "../node/index.ts";

/** A deliberate bug, to show that the simulation finds its kind. */
export interface Bug {
  readonly name: string;
  /** What goes wrong, as research section 3 names it. */
  readonly what: string;
  readonly sabotage: Sabotage;
  /** The first seed that found it when it was written; any change of the simulation may move it. */
  readonly foundBySeed: bigint;
}

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

const diskAcknowledgesEarly: Sabotage = {
  disk: (disk: Disk, at) => replaceMethods(disk, { open: (path) => eagerFile(disk.open(path), at) }),
};

/** Every other completion is delivered without waiting for the write. */
const logPersistsEarly: Sabotage = {
  log: (log: Log, { world, process }) =>
    replaceMethods(log, {
      append(group, hardState, entries, done) {
        log.append(group, hardState, entries, () => {});
        world.after(EARLY_MS, () => process.run(done));
      },
    }),
};

const voteForgotten: Sabotage = {
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

const readWithoutRound: Sabotage = {
  raft(core: RaftCore) {
    const asked: { readonly group: GroupId; readonly context: number }[] = [];
    const committed = new Map<GroupId, Index>();
    return replaceMethods(core, {
      readIndex: (group, context) => void asked.push({ group, context }),
      exec(events) {
        const more = core.exec(
          replaceMethods(events, {
            onCommitted(group, entries) {
              const last = entries.at(-1);
              if (last !== undefined) committed.set(group, last.index);
              events.onCommitted(group, entries);
            },
          }),
        );
        for (const { group, context } of asked.splice(0)) {
          events.onReadReady(group, context, committed.get(group) ?? (0 as Index));
        }
        return more;
      },
    });
  },
};

/** Rows of a batch in which some are missing: what was applied and its index are not one step any more. */
const batchIsTorn: Sabotage = {
  engine: (engine, { world }) => {
    const random = world.random.stream("torn batches");
    return replaceMethods(engine, {
      batch() {
        const batch = engine.batch();
        const torn = random.chance(0.05);
        return {
          put(key, value) {
            // Rows of users' keys: the others would be missed at the next start.
            if (!torn || key[6] !== 1) batch.put(key, value);
          },
          delete: (key) => batch.delete(key),
          get rows() {
            return batch.rows;
          },
          write: (done) => batch.write(done),
        };
      },
    });
  },
};

const FORWARD = 3;
const SESSION_AT = 17;
const ARGS_AT = SESSION_AT + 24;

/** Forwarded writes lose their session on the way, and with it what makes a retry harmless. */
const retryWithoutSession: Sabotage = {
  links: (links) =>
    replaceMethods(links, {
      send(to, message) {
        const view = new DataView(message.buffer, message.byteOffset, message.length);
        if (message[0] !== FORWARD || view.getBigUint64(SESSION_AT, true) === 0n) return links.send(to, message);
        const bare = new Uint8Array(message.length - 16);
        bare.set(message.subarray(0, SESSION_AT));
        bare.set(message.subarray(ARGS_AT), SESSION_AT + 8);
        links.send(to, bare);
      },
    }),
};

/** A proposal that is under way is taken for one that was dropped. */
const refusedAfterPropose: Sabotage = {
  raft: (core, { world }) => {
    const random = world.random.stream("refused proposals");
    return replaceMethods(core, {
      exec: (events) =>
        core.exec(
          replaceMethods(events, {
            onProposed(group, ticket, term, index) {
              if (random.chance(0.01)) events.onDropped(group, ticket, 0);
              else events.onProposed(group, ticket, term, index);
            },
          }),
        ),
    });
  },
};

/** The last entry that a node had made durable is missing after its next start. */
const logLosesLastEntry: Sabotage = {
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
const logDropsUnflushed: Sabotage = {
  log: (log) =>
    replaceMethods(log, {
      release(group, durable, wanted) {
        const much = (at: Index): Index => Math.min(at + TOO_MUCH, Math.max(durable, log.last(group))) as Index;
        log.release(group, much(durable), much(wanted));
      },
    }),
};

/** Everything that the store must never do, and the simulation must notice. */
export const bugs: readonly Bug[] = [
  {
    name: "disk-early",
    what: "the disk acknowledges before it is durable",
    sabotage: diskAcknowledgesEarly,
    foundBySeed: 6n,
  },
  {
    name: "log-early",
    what: "entries are reported persisted before they are",
    sabotage: logPersistsEarly,
    foundBySeed: 9n,
  },
  {
    name: "vote-forgotten",
    what: "term and vote are not what they were after a restart",
    sabotage: voteForgotten,
    foundBySeed: 3n,
  },
  {
    name: "read-without-round",
    what: "a leader reads without asking whether it leads",
    sabotage: readWithoutRound,
    foundBySeed: 6n,
  },
  {
    name: "torn-batch",
    what: "the applied index is durable without its rows",
    sabotage: batchIsTorn,
    foundBySeed: 1n,
  },
  {
    name: "retry-twice",
    what: "a retried write takes effect twice",
    sabotage: retryWithoutSession,
    foundBySeed: 1n,
  },
  {
    name: "false-refusal",
    what: "a definite error is given for a command that took effect",
    sabotage: refusedAfterPropose,
    foundBySeed: 2n,
  },
  {
    name: "log-tail-lost",
    what: "the last durable entry is gone after a restart",
    sabotage: logLosesLastEntry,
    foundBySeed: 2n,
  },
  {
    name: "compacted-unflushed",
    what: "the log drops entries that the store has not flushed",
    sabotage: logDropsUnflushed,
    foundBySeed: 2n,
  },
];

export const bugByName = (name: string): Bug | undefined => bugs.find((bug) => bug.name === name);
