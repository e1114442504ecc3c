import { keySlot } from "@sherd/client/protocol";
import { latin1, latin1Bytes, type Slot, slot as toSlot } from "sherd/core/base";
import { type CommandSpec, commandByName, type Reply } from "sherd/core/command";
import type { Request } from "sherd/core/node";
import type { Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { Violation } from "../world/index.ts";

export const slotOf = (key: string): Slot => toSlot(keySlot(latin1Bytes(key)));

function command(name: string): CommandSpec {
  const spec = commandByName(latin1Bytes(name));
  if (spec === undefined) throw new RangeError(`there is no command ${name}`);
  return spec;
}

/** The arguments behind the command's name, which is the operation's kind. */
export function argsOf(operation: Operation): Uint8Array[] {
  if (operation.kind === "mset")
    return operation.keys.flatMap((key) => [latin1Bytes(key), latin1Bytes(operation.value)]);
  const args = operation.keys.map(latin1Bytes);
  if (operation.kind === "set" || operation.kind === "append") args.push(latin1Bytes(operation.value));
  if (operation.kind === "set" && operation.only !== undefined) args.push(latin1Bytes(operation.only));
  if (operation.kind === "set" && operation.expiresMs !== undefined) {
    args.push(latin1Bytes("px"), latin1Bytes(String(operation.expiresMs)));
  }
  return args;
}

/** Gives an operation to a node, as a client connection would. `answered` is called at most once. */
export function call(
  machine: Machine,
  operation: Operation,
  redirect: boolean,
  answered: (reply: Reply) => void,
): void {
  const args = argsOf(operation);
  let completed = false;
  const request: Request = {
    spec: command(operation.kind),
    args,
    slot: slotOf(operation.keys[0] as string),
    redirect,
    stale: false,
    complete: (reply) => {
      if (completed) throw new Violation("a request is answered once", `#${operation.id} got a second reply`);
      completed = true;
      answered(reply);
    },
  };
  machine.node?.execute(request);
  // They were views of a socket's buffer: whoever wants them longer has copied them.
  for (const arg of args) arg.fill(0xcc);
}

/** What a reply says about its operation; sets the operation's result. */
export function judge(operation: Operation, reply: Reply): "done" | "refused" | "unknown" {
  if (reply.type === "error") {
    switch (reply.kind) {
      case "MOVED":
      case "CLUSTERDOWN":
      case "TRYAGAIN":
      case "MISCONF":
        return "refused";
      case "INDETERMINATE":
        return "unknown";
      default:
        throw new Violation("known errors only", `#${operation.id} ${operation.kind}: ${reply.kind} ${reply.text}`);
    }
  }
  if (!takeResult(operation, reply)) {
    throw new Violation("replies fit their commands", `#${operation.id} ${operation.kind}: ${JSON.stringify(reply)}`);
  }
  return "done";
}

function takeResult(operation: Operation, reply: Reply): boolean {
  switch (operation.kind) {
    case "set":
      if (reply.type === "nil" ? operation.only === undefined : reply.type !== "simple" || reply.text !== "OK") {
        return false;
      }
      operation.result = reply.type === "nil" ? 0 : 1;
      return true;
    case "get":
      if (reply.type !== "nil" && reply.type !== "bulk") return false;
      operation.result = reply.type === "nil" ? null : latin1(reply.bytes);
      return true;
    case "mset":
      return reply.type === "simple" && reply.text === "OK";
    case "mget":
      if (reply.type !== "array" || reply.items.length !== operation.keys.length) return false;
      operation.result = reply.items.map((item) => (item.type === "bulk" ? latin1(item.bytes) : null));
      return reply.items.every(({ type }) => type === "bulk" || type === "nil");
    default:
      if (reply.type !== "integer") return false;
      operation.result = Number(reply.value);
      return true;
  }
}
