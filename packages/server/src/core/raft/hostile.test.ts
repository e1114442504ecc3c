/** Whatever a peer sends, the core does not trap, and the group goes on. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { index, utf8Bytes } from "../base/index.ts";
import { Cluster } from "./testing/cluster.ts";
import { decodeMessage, encodeMessage } from "./testing/message.ts";
import { GROUP } from "./testing/replica.ts";
import type { Ready } from "./types.ts";

/** Seconds on an idle machine; tests share it with others. */
const TIMEOUT_MS = 120_000;

/** A group in the middle of its work: a leader, a follower that writes, one that installs a snapshot, real messages. */
function busyCluster(seed: number): { cluster: Cluster; messages: Uint8Array[] } {
  const cluster = new Cluster(seed);
  cluster.bootstrap([1, 2, 3]);
  const messages: Uint8Array[] = [];
  const { send } = cluster;
  cluster.send = (from, message) => {
    messages.push(message.bytes);
    send.call(cluster, from, message);
  };
  const leader = cluster.get(1);
  leader.core.campaign(GROUP);
  leader.run();
  cluster.settle();
  cluster.cut.add("1>3");
  for (const text of ["apple", "banana", "cherry"]) {
    leader.core.propose(GROUP, 1, utf8Bytes(text));
    leader.run();
    cluster.settle();
  }
  leader.flush();
  leader.truncate(leader.machine.position.index);
  cluster.cut.clear();
  for (const id of [2, 3]) cluster.get(id).diskIsFast = false;
  for (let round = 0; round < 4; round += 1) {
    leader.core.tick(GROUP);
    leader.core.propose(GROUP, 2, utf8Bytes("date"));
    leader.run();
    cluster.deliver(cluster.take(() => true));
  }
  return { cluster, messages };
}

const small = fc.integer({ min: 0, max: 12 });
const counter = fc.oneof(
  { weight: 6, arbitrary: small },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 48 - 1, 2 ** 48, Number.MAX_SAFE_INTEGER) },
);
const entry = fc.record({
  type: fc.integer({ min: 0, max: 3 }),
  term: counter,
  index: counter,
  data: fc.uint8Array({ maxLength: 8 }),
});
const ids = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 });
const few = fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: ids });
const configuration = { learners: few, votersOutgoing: few, learnersNext: few, autoLeave: fc.boolean() };
const rarely = fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: counter });
const unused = { requestSnapshot: rarely, deprecatedPriority: rarely, priority: rarely };
/** Well-formed protobuf with believable numbers: the region where raft-rs' own assertions live. */
const forged = fc
  .record({
    type: fc.integer({ min: 0, max: 20 }),
    to: fc.integer({ min: 0, max: 4 }),
    from: fc.integer({ min: 0, max: 4 }),
    term: counter,
    logTerm: counter,
    index: counter,
    entries: fc.array(entry, { maxLength: 3 }),
    commit: counter,
    commitTerm: counter,
    reject: fc.boolean(),
    rejectHint: counter,
    context: fc.uint8Array({ maxLength: 9 }),
    snapshot: fc.option(fc.record({ index: counter, term: counter, voters: ids, ...configuration }), {
      nil: undefined,
    }),
    ...unused,
  })
  .map(encodeMessage);

/** A snapshot for a follower, in the right place but for its configuration. */
const snapshot = fc
  .record({
    to: fc.integer({ min: 2, max: 3 }),
    term: fc.integer({ min: 2, max: 4 }),
    index: small,
    voters: ids,
    ...configuration,
  })
  .map(({ to, term, ...metadata }) =>
    encodeMessage({ type: 7, from: 1, to, term, snapshot: { ...metadata, term: Math.min(term, 2) } }),
  );

/** A message's entries made consecutive, so that appends get past the first check. */
const append = fc
  .record({
    from: fc.integer({ min: 1, max: 3 }),
    to: fc.integer({ min: 1, max: 3 }),
    term: small,
    logTerm: small,
    index: small,
    commit: counter,
    terms: fc.array(small, { maxLength: 4 }),
  })
  .map(({ terms, ...message }) =>
    encodeMessage({
      ...message,
      type: 3,
      entries: terms.map((term, i) => ({ type: 0, term, index: message.index + 1 + i, data: utf8Bytes("x") })),
    }),
  );

const mutation = fc.record({
  which: fc.nat(),
  at: fc.nat(),
  value: fc.integer({ min: 0, max: 255 }),
  cut: fc.boolean(),
});

/** As far as the test's own small decoder understands the message. */
function snapshotIndex(bytes: Uint8Array): number {
  try {
    const found = decodeMessage(bytes).snapshot?.index;
    return Number.isSafeInteger(found) ? (found as number) : 1;
  } catch {
    return 1;
  }
}

function survives(cluster: Cluster, messages: readonly Uint8Array[]): void {
  for (const bytes of messages) {
    for (const replica of cluster.replicas.values()) {
      replica.core.step(GROUP, bytes);
      replica.core.stepSnapshot(GROUP, index(snapshotIndex(bytes)), bytes);
      replica.core.tick(GROUP);
      // Snapshots that nobody staged cannot be installed here; the core has to survive them, not the driver.
      replica.core.exec(silent);
    }
  }
}

const nothing = (): void => {};
const silent = {
  onProposed: nothing,
  onDropped: nothing,
  onMessage: nothing,
  onReady: nothing,
  onCommitted: nothing,
  onReadReady: nothing,
  onReadDropped: nothing,
  onRole: nothing,
  onEntriesWanted: nothing,
  onSnapshotWanted: nothing,
  onConfState: nothing,
};

test("random bytes are dropped and counted", () => {
  const { cluster } = busyCluster(1);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => survives(cluster, [bytes])),
    { numRuns: 2_000 },
  );
  expect(cluster.get(1).core.counters.messagesMalformed).toBeGreaterThan(1_000);
});

test("real messages with damaged bytes never trap", { timeout: TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(mutation, { minLength: 1, maxLength: 60 }), (seed, mutations) => {
      const { cluster, messages } = busyCluster(seed);
      const damaged = mutations.map(({ which, at, value, cut }) => {
        const bytes = (messages[which % messages.length] as Uint8Array).slice();
        const place = at % bytes.length;
        bytes[place] = value;
        return cut ? bytes.subarray(0, place) : bytes;
      });
      survives(cluster, damaged);
    }),
    { numRuns: 200 },
  );
});

test("forged messages that decode never trap", { timeout: TIMEOUT_MS }, () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.oneof(forged, append, snapshot), { minLength: 1, maxLength: 80 }),
      (seed, messages) => {
        survives(busyCluster(seed).cluster, messages);
      },
    ),
    { numRuns: 300 },
  );
});

test("a snapshot reaches the core only where its rows are staged: nobody could install it otherwise", () => {
  const cluster = new Cluster(1);
  cluster.bootstrap([1, 2, 3]);
  cluster.get(1).core.campaign(GROUP);
  cluster.get(1).run();
  cluster.settle();
  const { core, disk } = cluster.get(3);
  const snapshots: Ready["snapshot"][] = [];
  const refused = (what: () => void): void => {
    const before = core.counters.messagesMalformed;
    what();
    core.exec({ ...silent, onReady: (ready) => snapshots.push(ready.snapshot) });
    expect(core.counters.messagesMalformed).toBe(before + 1);
  };
  const at = disk.truncated.index + disk.entries.length + 5;
  const term = cluster.get(1).term;
  const install = encodeMessage({ type: 7, from: 1, to: 3, term, snapshot: { index: at, term, voters: [1, 2, 3] } });
  const heartbeat = encodeMessage({ type: 8, from: 1, to: 3, term });
  refused(() => core.step(GROUP, install));
  refused(() => core.stepSnapshot(GROUP, index(at - 1), install));
  refused(() => core.stepSnapshot(GROUP, index(at), heartbeat));
  expect(snapshots.filter((snapshot) => snapshot !== undefined)).toEqual([]);
  core.stepSnapshot(GROUP, index(at), install);
  core.exec({ ...silent, onReady: (ready) => snapshots.push(ready.snapshot) });
  expect(snapshots.at(-1)?.index).toBe(at);
});
