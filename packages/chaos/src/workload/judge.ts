import type { Operation } from "@sherd/sim/checkers";
import { Violation } from "@sherd/sim/world";
import type { Value } from "../clients/index.ts";
import type { Recorder } from "./recorder.ts";

export function argsOf(operation: Operation): string[] {
  const args = [operation.kind.toUpperCase(), ...operation.keys];
  if (operation.kind === "set" || operation.kind === "append") args.push(operation.value);
  return args;
}

/** Sets what an acknowledged operation saw. */
export function takeResult(recorder: Recorder, operation: Operation, value: Value): void {
  switch (operation.kind) {
    case "set":
      if (value === "OK") {
        operation.result = 1;
        return;
      }
      break;
    case "get":
      if (value === null || typeof value === "string") {
        operation.result = value === null ? null : recorder.asWritten(value);
        return;
      }
      break;
    default:
      if (typeof value === "number") {
        operation.result = value;
        return;
      }
  }
  const what = `${operation.client} #${operation.id} ${operation.kind} ${operation.key}`;
  throw new Violation("replies fit their commands", `${what}: ${JSON.stringify(value)}`);
}
