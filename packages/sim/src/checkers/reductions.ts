import { isRead, type Operation } from "./history.ts";
import type { Model, Step } from "./models.ts";

/** Whether it leaves every state as it is in which it can have answered what it did. */
export function changesNothing(operation: Step): boolean {
  if (operation.kind === "expiry" || operation.outcome !== "done") return false;
  if (isRead(operation)) return true;
  switch (operation.kind) {
    case "set":
      return operation.only !== undefined && operation.result === 0;
    case "del":
    case "exec":
      return operation.result === 0;
    default:
      return false;
  }
}

/** Whether it was done, and leaves the same behind whatever was there before. */
export const overwrites = (operation: Step): boolean =>
  operation.outcome === "done" &&
  (operation.kind === "flush" || (operation.kind === "set" && operation.only === undefined));

/**
 * Writes of a register that nobody can have seen: nothing that could have answered as it did directly behind one of them
 * happened before another write certainly covered it.
 *
 * When such a write may come next and so may another write, an order in which that other one comes next and this one later
 * is none worse with this one directly before the other: there it is covered at once, and where it was, it was covered
 * before anybody looked. (A value that ends by itself is seen by its end.)
 */
export function unobservedWrites<State>(model: Model<State>, history: readonly Operation[]): ReadonlySet<Operation> {
  const done = history.filter(({ outcome }) => outcome === "done");
  const writes = done.filter(overwrites);
  const observers = done.filter((operation) => !overwrites(operation));
  const unobserved = writes.filter((write) => {
    if (write.kind === "set" && write.expiresMs !== undefined) return false;
    const after = model.step(model.initial, write);
    if (after === undefined) return false;
    const behind = writes.filter(({ began }) => began > write.ended);
    const coveredAt = behind.reduce((earliest, { ended }) => Math.min(earliest, ended), Number.POSITIVE_INFINITY);
    return !observers.some(
      (one) => one.ended >= write.began && one.began <= coveredAt && model.step(after, one) !== undefined,
    );
  });
  return new Set(unobserved);
}
