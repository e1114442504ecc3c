import type { Sabotage } from "../node/index.ts";
import { expiryByLocalClock } from "./expiry-bugs.ts";
import { endingsLost, scanSkips } from "./keyspace-bugs.ts";
import {
  diskAcknowledgesEarly,
  logDropsUnflushed,
  logLosesLastEntry,
  logPersistsEarly,
  voteForgotten,
} from "./log-bugs.ts";
import {
  followerReads,
  membershipForgotten,
  messagesBeforePersist,
  readWithoutRound,
  refusedAfterPropose,
} from "./raft-bugs.ts";
import { answersSwapped, numberReused, retryWithoutSession, sessionsForgotten } from "./session-bugs.ts";
import {
  batchIsTorn,
  deletionsLost,
  filterForgets,
  olderBatchLost,
  replicaReused,
  snapshotInPlace,
  staleFetch,
} from "./store-bugs.ts";
import { transactionHalfDone, watchIgnored } from "./transaction-bugs.ts";

/** A deliberate bug, to show that the simulation finds its kind. */
export interface Bug {
  readonly name: string;
  /** What goes wrong, as research section 3 names it. */
  readonly what: string;
  /** For one run. */
  readonly make: () => Sabotage;
  /** One of PROFILES: what has to go wrong besides. */
  readonly profile: string;
  /** The first seed that found it when it was written; any change of the simulation may move it. */
  readonly foundBySeed: bigint;
}

/** Everything that the store must never do, and the simulation must notice. */
export const bugs: readonly Bug[] = [
  {
    name: "disk-early",
    what: "the disk acknowledges before it is durable",
    make: () => diskAcknowledgesEarly,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "log-early",
    what: "entries are reported persisted before they are",
    make: () => logPersistsEarly,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "vote-forgotten",
    what: "term and vote are not what they were after a restart",
    make: () => voteForgotten,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "read-without-round",
    what: "a leader reads without asking whether it leads",
    make: () => readWithoutRound,
    profile: "network",
    foundBySeed: 10n,
  },
  {
    name: "torn-batch",
    what: "the applied index is durable without its rows",
    make: () => batchIsTorn,
    profile: "crashes",
    foundBySeed: 3n,
  },
  {
    name: "retry-twice",
    what: "a retried write takes effect twice",
    make: () => retryWithoutSession,
    profile: "network",
    foundBySeed: 1n,
  },
  {
    name: "false-refusal",
    what: "a definite error is given for a command that took effect",
    make: () => refusedAfterPropose,
    profile: "network",
    foundBySeed: 1n,
  },
  {
    name: "log-tail-lost",
    what: "the last durable entry is gone after a restart",
    make: () => logLosesLastEntry,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "compacted-unflushed",
    what: "the log drops entries that the store has not flushed",
    make: () => logDropsUnflushed,
    profile: "crashes",
    foundBySeed: 6n,
  },
  {
    name: "messages-early",
    what: "votes and acknowledgements leave before they are durable",
    make: () => messagesBeforePersist,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "membership-forgotten",
    what: "a replica that starts again has forgotten the other members",
    make: () => membershipForgotten,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "replica-reused",
    what: "a node with an emptied disk comes back under its old replica ids",
    make: replicaReused,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "snapshot-in-place",
    what: "a crash in the middle of an install finds neither the old rows nor the new",
    make: () => snapshotInPlace,
    profile: "crashes",
    foundBySeed: 6n,
  },
  {
    name: "older-batch-lost",
    what: "the engine loses an older batch while younger ones survive",
    make: () => olderBatchLost,
    profile: "crashes",
    foundBySeed: 3n,
  },
  {
    name: "deletions-lost",
    what: "deleted rows come back",
    make: () => deletionsLost,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "stale-fetch",
    what: "a row read from the engine is older than what was flushed",
    make: () => staleFetch,
    profile: "default",
    foundBySeed: 2n,
  },
  {
    name: "filter-forgets",
    what: "rows that were flushed are believed not to be in the engine",
    make: () => filterForgets,
    profile: "default",
    foundBySeed: 2n,
  },
  {
    name: "follower-reads",
    what: "a follower answers reads of connections that never said READONLY",
    make: () => followerReads,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "number-reused",
    what: "a forwarded write is given the number, and so the reply, of another",
    make: () => numberReused,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "answers-swapped",
    what: "a command is answered with the reply of another",
    make: () => answersSwapped,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "expiry-by-local-clock",
    what: "a key ends when the clock of the replica's own machine says so",
    make: () => expiryByLocalClock,
    profile: "clocks",
    foundBySeed: 3n,
  },
  {
    name: "sessions-forgotten",
    what: "sessions are not durable together with what their commands did",
    make: () => sessionsForgotten,
    profile: "crashes",
    foundBySeed: 1n,
  },
  {
    name: "watch-ignored",
    what: "EXEC does not look whether what is watched has changed",
    make: () => watchIgnored,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "transaction-half-done",
    what: "half of a transaction is done",
    make: () => transactionHalfDone,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "scan-skips",
    what: "SCAN leaves a key out that is there all the while",
    make: () => scanSkips,
    profile: "calm",
    foundBySeed: 1n,
  },
  {
    name: "endings-lost",
    what: "the index of keys that end loses some",
    make: () => endingsLost,
    profile: "calm",
    foundBySeed: 3n,
  },
];

export const bugByName = (name: string): Bug | undefined => bugs.find((bug) => bug.name === name);
