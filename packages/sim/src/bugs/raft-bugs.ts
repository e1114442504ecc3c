import type { GroupId, Index } from "sherd/core/base";
import { BOOTSTRAP, type RaftCore } from "sherd/core/raft";
import { replaceMethods, type Sabotage } from "../node/index.ts";

export const readWithoutRound: Sabotage = {
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

/** A proposal that is under way is taken for one that was dropped. */
export const refusedAfterPropose: Sabotage = {
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

const SLOW_MS = 60;

/** What waits for the disk is said at once: votes and acknowledgements that a crash makes untrue. The disk is slow enough. */
export const messagesBeforePersist: Sabotage = {
  disk: (disk, { world, process }) =>
    replaceMethods(disk, {
      open(path) {
        const file = disk.open(path);
        return replaceMethods(file, {
          write(position, parts, done) {
            const copies = parts.map((part) => part.slice());
            world.after(SLOW_MS, () => process.run(() => file.write(position, copies, done)));
          },
        });
      },
    }),
  raft: (core) =>
    replaceMethods(core, {
      exec: (events) =>
        core.exec(
          replaceMethods(events, {
            onReady(ready) {
              for (const message of ready.messagesAfterPersist) events.onMessage(ready.group, message);
              events.onReady(replaceMethods(ready, { messagesAfterPersist: [] }));
            },
          }),
        ),
    }),
};

/** The membership was not part of what was flushed: a replica that starts again believes that it is alone. */
export const membershipForgotten: Sabotage = {
  raft: (core) =>
    replaceMethods(core, {
      open: (start) =>
        core.open(
          start.applied > BOOTSTRAP.index
            ? { ...start, confState: { ...start.confState, voters: [start.replica] } }
            : start,
        ),
    }),
};

/** The connection takes any replica for good enough, as if the client had said READONLY. */
export const followerReads: Sabotage = {
  node: (node) =>
    replaceMethods(node, { execute: (request) => node.execute(replaceMethods(request, { stale: true })) }),
};
