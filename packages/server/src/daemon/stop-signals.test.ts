import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { SAME_SIGNAL_MS } from "./limits.ts";
import { onStopSignals } from "./stop-signals.ts";

test("one Ctrl-C that arrives three times stops once; a later one ends at once", () => {
  const source = new EventEmitter();
  const heard: string[] = [];
  let nowMs = 0;
  onStopSignals(
    source,
    ["SIGINT", "SIGTERM"],
    (signal) => heard.push(`stop ${signal}`),
    (signal) => heard.push(`now ${signal}`),
    () => nowMs,
  );
  for (nowMs of [1_000, 1_002, 1_000 + SAME_SIGNAL_MS - 1]) source.emit("SIGINT", "SIGINT");
  expect(heard).toEqual(["stop SIGINT"]);
  nowMs = 1_000 + SAME_SIGNAL_MS;
  source.emit("SIGTERM", "SIGTERM");
  expect(heard).toEqual(["stop SIGINT", "now SIGTERM"]);
});
