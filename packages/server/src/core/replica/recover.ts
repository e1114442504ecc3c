import { assert, type GroupId, type Index, mark, NO_REPLICA, SherdError, type Term } from "../base/index.ts";
import type { RecoveredGroup } from "../log/index.ts";
import type { AppliedPosition } from "../machine/index.ts";
import { BOOTSTRAP, type HardState } from "../raft/index.ts";

/** How a group starts, from what log and store hold. */
export interface RecoveryPlan {
  readonly hardState: HardState;
  readonly truncated: AppliedPosition;
  readonly termRuns: readonly { readonly first: Index; readonly term: Term }[];
  readonly last: Index;
  /** The log does not know the group yet, contradicts the store or ends before it: write a reset record at `truncated`. */
  readonly reset: boolean;
}

/**
 * Store and log are written by different files at different moments; a crash may leave either ahead. raft-rs panics
 * on a commit below applied and on an applied index outside its log, so the two are brought together here.
 *
 * The store is never wrong: its rows were durable, and what was applied was committed. So where the log ends before the
 * applied index or has another term there, its entries of the group are of no use (a snapshot was switched in and the
 * crash came before the reset record). Where the log *begins* behind it, entries are missing: refuse.
 */
export function recoverGroup(group: GroupId, log: RecoveredGroup | undefined, applied: AppliedPosition): RecoveryPlan {
  if (log === undefined) {
    if (applied.index > BOOTSTRAP.index) {
      throw new SherdError("SHERD_LOG_GAP", `Group ${group}: the store holds index ${applied.index}, the log nothing.`);
    }
    return fresh(applied);
  }
  if (log.truncated.index > applied.index) {
    throw new SherdError(
      "SHERD_LOG_GAP",
      `Group ${group}: the store holds index ${applied.index}, the log begins behind ${log.truncated.index}.`,
    );
  }
  const termThere = log.last < applied.index ? undefined : termAt(log, applied.index);
  if (termThere !== applied.term) return discard(log, applied);
  if (log.hardState.commit > log.last) {
    throw new SherdError(
      "SHERD_LOG_DAMAGED",
      `Group ${group}: index ${log.hardState.commit} was committed, the log ends at ${log.last}.`,
    );
  }
  return {
    hardState: { ...log.hardState, commit: Math.max(log.hardState.commit, applied.index) as Index },
    truncated: log.truncated,
    termRuns: log.termRuns,
    last: log.last,
    reset: false,
  };
}

function fresh(applied: AppliedPosition): RecoveryPlan {
  const hardState: HardState = { term: applied.term, vote: NO_REPLICA, commit: applied.index };
  // The log has to know where the first entry belongs.
  return { hardState, truncated: applied, termRuns: [], last: applied.index, reset: applied.index > 0 };
}

/** The group restarts at what the store holds, with its own term and vote: forgetting a vote could elect two leaders. */
function discard(log: RecoveredGroup, applied: AppliedPosition): RecoveryPlan {
  mark("recovery: log discarded for the store");
  const newer = applied.term > log.hardState.term;
  const hardState: HardState = {
    term: newer ? applied.term : log.hardState.term,
    vote: newer ? NO_REPLICA : log.hardState.vote,
    commit: applied.index,
  };
  const truncated = { index: applied.index, term: applied.term };
  return { hardState, truncated, termRuns: [], last: applied.index, reset: true };
}

function termAt(log: RecoveredGroup, at: Index): Term {
  if (at === log.truncated.index) return log.truncated.term;
  let found: Term | undefined;
  for (const run of log.termRuns) {
    if (run.first > at) break;
    found = run.term;
  }
  assert(found !== undefined, "every retained index lies in a run of one term");
  return found;
}
