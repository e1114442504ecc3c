import { expect, test } from "vitest";
import { checkAborts } from "./aborts.ts";
import { exec, get, parts, set } from "./testing/operations.ts";

const key = "{tag}a";
/** Watched since moment 0, sent at 5. */
const aborted = exec(5, 8, [parts.set(key, "x")], { [key]: null }, 0);

test("a transaction may give up for any write that may have come between WATCH and EXEC", () => {
  for (const write of [
    set(-2, 1, "w", "done", [], [key]),
    set(7, 9, "w", "done", [], [key]),
    set(-9, Number.POSITIVE_INFINITY, "w", "unknown", [], [key]),
    exec(1, 2, [parts.set(key, "w")]),
  ]) {
    expect(() => checkAborts([write, aborted])).not.toThrow();
  }
});

test("it may not without one", () => {
  for (const other of [
    set(-2, -1, "before", "done", [], [key]),
    set(9, 10, "after", "done", [], [key]),
    set(1, 2, "refused", "refused", [], [key]),
    set(1, 2, "elsewhere", "done", [], ["{tag}b"]),
    get(1, 2, null, [key]),
  ]) {
    expect(() => checkAborts([other, aborted])).toThrow("EXEC gives up only what has changed");
  }
});
