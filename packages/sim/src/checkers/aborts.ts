import { Violation } from "../world/index.ts";
import { describe, isRead, type Operation } from "./history.ts";

/**
 * EXEC gives up only when something watched may have changed: else a store that never runs a transaction would break no
 * promise. Somebody's write of a watched key may have taken effect between WATCH and EXEC.
 */
export function checkAborts(history: readonly Operation[]): void {
  for (const exec of history) {
    if (exec.kind !== "exec" || exec.outcome !== "done" || exec.result === 1) continue;
    const changed = history.some(
      (other) =>
        other !== exec &&
        other.outcome !== "refused" &&
        !isRead(other) &&
        exec.watched.some(
          ({ key, since }) =>
            (other.kind === "flush" || other.keys.includes(key)) && other.ended > since && other.began < exec.ended,
        ),
    );
    if (!changed) {
      const where = { history: exec.key, moment: exec.ended };
      throw new Violation("EXEC gives up only what has changed", describe(exec), { where });
    }
  }
}
