import { latin1 } from "sherd/core/base";
import type { EngineBatch } from "sherd/core/env";
import { replaceMethods, type Sabotage, type Sabotaged } from "../node/index.ts";

/** Rows of a batch in which some are missing: what was applied and its index are not one step any more. */
export const batchIsTorn: Sabotage = {
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

/** Deletions do not reach the engine: what was deleted comes back with the next start, or the next miss of the cache. */
export const deletionsLost: Sabotage = {
  engine: (engine) =>
    replaceMethods(engine, {
      batch() {
        const batch = engine.batch();
        return replaceMethods<EngineBatch>(batch, {
          delete(key) {
            if (key[6] !== 1) batch.delete(key);
          },
        });
      },
    }),
};

/** An engine without sync, as it was measured: an older batch is gone while younger ones survive. */
export const olderBatchLost: Sabotage = {
  engine: (engine, { world, process }) => {
    const random = world.random.stream("lost batches");
    return replaceMethods(engine, {
      batch() {
        const batch = engine.batch();
        return replaceMethods<EngineBatch>(batch, {
          write(done) {
            if (random.chance(0.03)) world.after(1, () => process.run(done));
            else batch.write(done);
          },
        });
      },
    });
  },
};

/** A row read from the engine is older than the one that was flushed meanwhile. */
export const staleFetch: Sabotage = {
  engine: (engine, { world }) => {
    const random = world.random.stream("stale fetches");
    const last = new Map<string, Uint8Array | undefined>();
    const before = new Map<string, Uint8Array | undefined>();
    const change = (key: Uint8Array, value: Uint8Array | undefined): void => {
      const name = latin1(key);
      if (last.has(name)) before.set(name, last.get(name));
      last.set(name, value?.slice());
    };
    return replaceMethods(engine, {
      getMany(keys, done) {
        const names = keys.map(latin1);
        engine.getMany(keys, (values) => {
          done(values.map((value, at) => older(names[at] as string, value)));
        });
      },
      batch() {
        const batch = engine.batch();
        return replaceMethods<EngineBatch>(batch, {
          put(key, value) {
            change(key, value);
            batch.put(key, value);
          },
          delete(key) {
            change(key, undefined);
            batch.delete(key);
          },
        });
      },
    });

    function older(name: string, value: Uint8Array | null | undefined): Uint8Array | null | undefined {
      return before.has(name) && random.chance(0.2) ? before.get(name)?.slice() : value;
    }
  },
};

/** A filter of a space's keys that has lost some: of rows that were flushed and evicted, it says that there are none. */
export const filterForgets: Sabotage = {
  store: (store, { world }) => {
    const random = world.random.stream("forgetful filters");
    const forgotten = new Map<string, boolean>();
    const forgets = (key: string): boolean => {
      const known = forgotten.get(key) ?? random.chance(0.2);
      forgotten.set(key, known);
      return known;
    };
    const createSpace = store.createSpace.bind(store);
    store.createSpace = (group, replica, system, done) =>
      createSpace(group, replica, system, (space) => {
        const head = space.head.bind(space);
        space.head = (slot, key) => {
          const row = head(slot, key);
          return row === undefined && forgets(key) ? null : row;
        };
        done(space);
      });
    return store;
  },
};

/** Class and fate of the row that says what is to become of a space: docs/formats/store.md. */
const SPACE = 0x52;
const LIVE = 1;
const BETWEEN_MS = 3_000;

/**
 * A snapshot is installed in two steps: first the old rows are given up, later the new ones serve. Installs are few, so
 * the power fails between the steps of every other one.
 */
export const snapshotInPlace: Sabotage = {
  engine: (engine, at) =>
    replaceMethods(engine, {
      batch() {
        const batch = engine.batch();
        const later = engine.batch();
        let givesUp = false;
        let deferred = false;
        return replaceMethods<EngineBatch>(batch, {
          put(key, value) {
            if (key[6] === SPACE && value[0] === LIVE) {
              deferred = true;
              later.put(key, value);
            } else {
              if (key[6] === SPACE) givesUp = true;
              batch.put(key, value);
            }
          },
          write: (done) => batch.write(() => (deferred && givesUp ? second(at, later, done) : finish(later, done))),
        });
      },
    }),
};

function second({ world, process }: Sabotaged, later: EngineBatch, done: () => void): void {
  if (world.random.stream(`install at ${world.nowMs}`).chance(0.5))
    world.after(BETWEEN_MS / 2, () => process.crash("power"));
  world.after(BETWEEN_MS, () => process.run(() => later.write(done)));
}

function finish(later: EngineBatch, done: () => void): void {
  if (later.rows === 0) done();
  else later.write(done);
}

/** A machine whose disk was emptied comes back as the replica that it was, although it has forgotten its votes. */
export function replicaReused(): Sabotage {
  const emptied = new Set<string>();
  let ends = 0;
  return {
    image(rows, machine) {
      ends += 1;
      if (ends % 3 !== 0) return rows;
      emptied.add(machine);
      return new Map();
    },
    disk(disk, { process }) {
      if (!emptied.delete(process.name)) return disk;
      for (const directory of ["", "log"]) {
        for (const name of disk.list(directory)) {
          const path = directory === "" ? name : `${directory}/${name}`;
          if (disk.readFile(path) !== undefined) disk.removeFile(path);
        }
      }
      return disk;
    },
  };
}
