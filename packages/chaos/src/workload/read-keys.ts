import { setTimeout as sleep } from "node:timers/promises";
import type { Caller } from "../clients/index.ts";
import { BACK_OFF_MS } from "../limits.ts";
import { argsOf, takeResult } from "./judge.ts";
import type { Recorder } from "./recorder.ts";

/** Reads of one client at a time. */
const TOGETHER = 8;

/** A GET of every key that was used, through one or the other of the callers, until it is answered or `stop` says so. */
export async function readKeys(recorder: Recorder, callers: readonly Caller[], stop: AbortSignal): Promise<void> {
  const keys = [...recorder.keys].flatMap((history) =>
    [...new Set(recorder.of(history).flatMap((operation) => operation.keys))].map((key) => ({ history, key })),
  );
  const readers = Array.from({ length: callers.length * TOGETHER }, async (_, at) => {
    const caller = callers[at % callers.length] as Caller;
    for (let key = keys.pop(); key !== undefined && !stop.aborted; key = keys.pop()) {
      await readKey(recorder, caller, key.history, key.key, stop);
    }
  });
  await Promise.all(readers);
}

async function readKey(
  recorder: Recorder,
  caller: Caller,
  history: string,
  key: string,
  stop: AbortSignal,
): Promise<void> {
  while (!stop.aborted) {
    const operation = recorder.begin("final", history, { kind: "get", keys: [key] });
    const told = await caller.call(key, argsOf(operation));
    if (told.outcome === "done") {
      takeResult(recorder, operation, told.value);
      recorder.end(operation, "done");
      return;
    }
    recorder.end(operation, told.outcome, `${caller.kind} ${told.why}`);
    await sleep(BACK_OFF_MS);
  }
}
