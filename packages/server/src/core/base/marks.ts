/**
 * Rare branches of core, by name: each says so when it is taken. The simulator counts them, so that a branch which no
 * run has ever reached is known to be one about which all its runs say nothing. In production nobody listens, and a mark
 * costs one comparison; none stands where an operation of the usual path would pass it.
 *
 * A name is declared here and placed once; a test of the simulator finds those that are not.
 */
export const MARKS = [
  "failover: campaigns at once",
  "failover: campaigns again",
  "forward: outcome asked for again",
  "forward: session abandoned",
  "forward: unanswered writes sent again",
  "forward: write expired unsent",
  "leadership: given to the preferred replica",
  "log: carried with entries",
  "log: carried without entries",
  "log: carry overtaken by a write",
  "log: conflicting suffix replaced",
  "log: conflicting suffix replayed",
  "log: entries given up for want of room",
  "log: group too large to be carried",
  "log: read of entries that moved",
  "log: read waits for its write",
  "log: segment file used again",
  "log: slow write",
  "log: torn final frame cut",
  "log: write hangs",
  "persist: held behind a snapshot",
  "recovery: commit beyond the log's end",
  "recovery: log discarded for the store",
  "replica: applying waits for a flush",
  "replica: entry waits for its rows",
  "replica: entry's rows were evicted again",
  "replica: keys that have ended are removed",
  "replica: lost batch taken back",
  "replica: outcome lost with a snapshot",
  "replica: proposal refused for want of room",
  "replica: read fetches its rows",
  "replica: read waits for log time",
  "replica: read waits for its turn",
  "replica: read round dropped",
  "replica: walk over keys begins its slot again",
  "replica: write unanswered for too long",
  "router: no leader for too long",
  "router: waits for unsettled writes",
  "router: write stays in the session",
  "session: acknowledged command again",
  "session: gap",
  "session: idle one dropped",
  "session: reply given again",
  "session: unknown",
  "snapshot: asked while busy",
  "snapshot: install without its transfer",
  "snapshot: not needed after all",
  "snapshot: part missing",
  "snapshot: peer is silent",
  "store: a command's values are too many to be fetched",
  "store: a value's head was known, and its bytes were fetched",
  "store: chunk given again",
  "store: fetches wait for memory",
  "store: half-arrived snapshot cleared",
  "store: memtable full",
  "store: page of keys waits for its turn",
  "store: row changed while it was fetched",
  "store: space cleared",
  "store: space replaced by a snapshot",
  "store: stage dropped",
] as const;
export type Mark = (typeof MARKS)[number];

let observer: ((name: Mark) => void) | undefined;

export function mark(name: Mark): void {
  if (observer !== undefined) observer(name);
}

/** For the simulator, which runs one cluster at a time; undefined: nobody listens. */
export function observeMarks(next: ((name: Mark) => void) | undefined): void {
  observer = next;
}
