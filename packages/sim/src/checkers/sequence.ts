import type { AppendOperation, IncrementOperation, Operation } from "./history.ts";
import type { Verdict } from "./linearizability.ts";

type Addition = IncrementOperation | AppendOperation;

/** Where an operation stands: an addition at an odd place of its own, reads of the same state together behind it. */
interface Standing {
  readonly operation: Operation;
  readonly place: number;
}

const additionPlace = (count: number): number => 2 * count - 1;
const readPlace = (count: number): number => 2 * count;
const isAddition = (operation: Operation): operation is Addition =>
  operation.kind === "incr" || operation.kind === "append";

class Unexplained extends Error {
  readonly stuck: readonly Operation[];

  constructor(...stuck: Operation[]) {
    super();
    this.stuck = stuck;
  }
}

/**
 * Whether a history of additions (INCR; APPEND of unique pieces of one length) and GETs is linearizable, which for these
 * says: each acknowledged one counts exactly once, each unknown one at most once, the refused ones never.
 *
 * No search: each answer names the place of its operation in the only possible order, so it remains to be seen that the
 * order keeps to time, and that unknown additions can fill the places that nobody was told of.
 */
export function checkSequence(history: readonly Operation[]): Verdict {
  try {
    explain(history.filter(({ outcome, kind }) => outcome === "done" || (kind !== "get" && outcome !== "refused")));
    return { linearizable: true };
  } catch (error) {
    if (!(error instanceof Unexplained)) throw error;
    return { linearizable: false, explained: [], stuck: error.stuck };
  }
}

function explain(matter: readonly Operation[]): void {
  const known: Standing[] = [];
  const unplaced = new Set<Addition>();
  for (const operation of matter) {
    if (operation.outcome !== "done") unplaced.add(operation as Addition);
    else if (isAddition(operation)) known.push({ operation, place: additionPlace(countOf(operation)) });
    else known.push({ operation, place: readPlace(readCount(operation, matter)) });
  }
  const owners = new Map<number, Operation>();
  for (const { operation, place } of known) if (isAddition(operation)) own(owners, place, operation);
  nameBySight(matter, owners, unplaced, known);
  fillGaps(known, owners, [...unplaced]);
  checkTimes(known);
  checkConnections(known);
}

function own(owners: Map<number, Operation>, place: number, operation: Operation): void {
  const other = owners.get(place);
  if (other !== undefined && other !== operation) throw new Unexplained(other, operation);
  owners.set(place, operation);
}

/** How many additions there were when it had been made. */
function countOf(operation: Addition): number {
  const count = operation.kind === "incr" ? operation.result : operation.result / operation.value.length;
  if (!Number.isInteger(count) || count < 1) throw new Unexplained(operation);
  return count;
}

function readCount(operation: Operation, matter: readonly Operation[]): number {
  const seen = operation.result as string | null;
  if (seen === null) return 0;
  const piece = matter.find(isAddition);
  const count = piece?.kind === "append" ? seen.length / piece.value.length : Number(seen);
  if (!Number.isInteger(count) || count < 1) throw new Unexplained(operation);
  return count;
}

/** A read of appended pieces shows whose they are. */
function nameBySight(
  matter: readonly Operation[],
  owners: Map<number, Operation>,
  unplaced: Set<Addition>,
  known: Standing[],
): void {
  const appends = new Map<string, AppendOperation>();
  for (const operation of matter) if (operation.kind === "append") appends.set(operation.value, operation);
  const length = [...appends.keys()][0]?.length;
  if (length === undefined) return;
  for (const operation of matter) {
    if (operation.kind !== "get" || operation.result === null) continue;
    const seen = operation.result;
    for (let at = 0; at < seen.length; at += length) {
      const append = appends.get(seen.slice(at, at + length));
      if (append === undefined) throw new Unexplained(operation);
      const place = additionPlace(at / length + 1);
      const before = owners.get(place);
      if (before !== undefined && before !== append) throw new Unexplained(before, append, operation);
      if (before === append) continue;
      // Seen at two places, or elsewhere than it was told.
      if (!unplaced.delete(append)) throw new Unexplained(append, operation);
      owners.set(place, append);
      known.push({ operation: append, place });
    }
  }
}

/**
 * Places below the highest that nobody owns were taken by unknown additions. Each must have begun before anything behind
 * its place had ended; that bound never falls from place to place, so the ones that began first take the first places.
 */
function fillGaps(known: Standing[], owners: ReadonlyMap<number, Operation>, unplaced: Addition[]): void {
  unplaced.sort((left, right) => left.began - right.began);
  known.sort((left, right) => left.place - right.place);
  const highest = known.at(-1)?.place ?? 0;
  const firstEnded = suffixes(known, ({ operation }) => operation);
  const filled: Standing[] = [];
  let next = 0;
  let behind = 0;
  for (let place = 1; place <= highest; place += 2) {
    if (owners.has(place)) continue;
    while ((known[behind]?.place ?? Number.POSITIVE_INFINITY) < place) behind += 1;
    const bound = firstEnded[behind] as Operation;
    const operation = unplaced[next];
    if (operation === undefined || operation.began > bound.ended) throw new Unexplained(bound);
    filled.push({ operation, place });
    next += 1;
  }
  known.push(...filled);
}

/** Of each position, what ended first there or behind it. */
function suffixes(known: readonly Standing[], of: (standing: Standing) => Operation): Operation[] {
  const first = new Array<Operation>(known.length);
  for (let at = known.length - 1; at >= 0; at -= 1) {
    const own = of(known[at] as Standing);
    const later = first[at + 1];
    first[at] = later === undefined || own.ended < later.ended ? own : later;
  }
  return first;
}

/** Nothing stands behind what began only after it had ended. */
function checkTimes(known: Standing[]): void {
  known.sort((left, right) => left.place - right.place);
  let begunLast: Standing | undefined;
  let group: Standing | undefined;
  for (const standing of known) {
    // Reads of one state may stand in any order.
    if (group !== undefined && group.place < standing.place) {
      if (begunLast === undefined || group.operation.began > begunLast.operation.began) begunLast = group;
      group = undefined;
    }
    if (begunLast !== undefined && standing.operation.ended < begunLast.operation.began) {
      throw new Unexplained(standing.operation, begunLast.operation);
    }
    if (group === undefined || standing.operation.began > group.operation.began) group = standing;
  }
}

/** What one connection sent first stands first. */
function checkConnections(known: readonly Standing[]): void {
  const placeOf = new Map(known.map(({ operation, place }) => [operation, place]));
  for (const { operation, place } of known) {
    if (operation.outcome !== "done") continue;
    for (const before of operation.behind) {
      if (before.outcome === "done" && (placeOf.get(before) ?? 0) > place) throw new Unexplained(before, operation);
    }
  }
}
