import type { Operation } from "@sherd/sim/checkers";
import { Violation } from "@sherd/sim/world";
import type { Value } from "../clients/index.ts";
import type { Recorder } from "./recorder.ts";

export function argsOf(operation: Operation): string[] {
  const name = operation.kind.toUpperCase();
  switch (operation.kind) {
    case "set":
      return [name, ...operation.keys, operation.value, ...(operation.only === undefined ? [] : [operation.only])];
    case "append":
      return [name, ...operation.keys, operation.value];
    case "mset":
      return [name, ...operation.keys.flatMap((key) => [key, operation.value])];
    default:
      return [name, ...operation.keys];
  }
}

/** Sets what an acknowledged operation saw. */
export function takeResult(recorder: Recorder, operation: Operation, value: Value): void {
  if (fits(recorder, operation, value)) return;
  const what = `${operation.client} #${operation.id} ${operation.kind} ${operation.keys.join(" ")}`;
  throw new Violation("replies fit their commands", `${what}: ${JSON.stringify(value)}`);
}

function fits(recorder: Recorder, operation: Operation, value: Value): boolean {
  switch (operation.kind) {
    case "set":
    case "mset":
      operation.result = value === null ? 0 : 1;
      return value === "OK" || (value === null && operation.kind === "set" && operation.only !== undefined);
    case "get":
      if (value !== null && typeof value !== "string") return false;
      operation.result = value === null ? null : recorder.asWritten(value);
      return true;
    case "mget":
      if (value === null || typeof value !== "object" || value.length !== operation.keys.length) return false;
      operation.result = value.map((one) => (one === null ? null : recorder.asWritten(one)));
      return true;
    default:
      if (typeof value !== "number") return false;
      operation.result = value;
      return true;
  }
}
