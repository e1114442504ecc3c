import { keySlot } from "@sherd/client/protocol";
import { assert, latin1, latin1Bytes, type Slot, slot as toSlot } from "sherd/core/base";
import { type CommandSpec, commandByName, type Reply } from "sherd/core/command";
import type { Request } from "sherd/core/node";
import type { Command, Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { Violation } from "../world/index.ts";

export const slotOf = (key: string): Slot => toSlot(keySlot(latin1Bytes(key)));

function command(name: string): CommandSpec {
  const spec = commandByName(latin1Bytes(name));
  if (spec === undefined) throw new RangeError(`there is no command ${name}`);
  return spec;
}

/** The arguments behind the command's name, which is its kind. */
export function argsOf(command: Command): Uint8Array[] {
  if (command.kind === "mset") return command.keys.flatMap((key) => [latin1Bytes(key), latin1Bytes(command.value)]);
  const args = command.keys.map(latin1Bytes);
  if (command.kind === "set" || command.kind === "append") args.push(latin1Bytes(command.value));
  if (command.kind === "set" && command.only !== undefined) args.push(latin1Bytes(command.only));
  if (command.kind === "set" && command.expiresMs !== undefined) {
    args.push(latin1Bytes("px"), latin1Bytes(String(command.expiresMs)));
  }
  return args;
}

/** Gives an operation (no transaction) to a node, as a client connection would. `answered` is called at most once. */
export function call(
  machine: Machine,
  operation: Operation,
  redirect: boolean,
  answered: (reply: Reply) => void,
): void {
  assert(operation.kind !== "exec", "a transaction needs a connection that queues it");
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
      // They were views of a socket's buffer, and are the node's until here: whoever wants them longer has copied them.
      for (const arg of args) arg.fill(0xcc);
      answered(reply);
    },
  };
  machine.node?.execute(request);
}

/** What a reply says about its operation; sets the operation's result. */
export function judge(operation: Operation, reply: Reply): "done" | "refused" | "unknown" {
  if (reply.type === "error") {
    switch (reply.kind) {
      case "MOVED":
      case "CLUSTERDOWN":
      case "TRYAGAIN":
      case "MISCONF":
      case "LOADING":
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
  if (operation.kind !== "exec") return takeAnswer(operation, reply);
  const { commands, watched } = operation;
  operation.result = reply.type === "array" ? 1 : 0;
  if (reply.type !== "array") return reply.type === "nil" && watched.length > 0;
  return (
    reply.items.length === commands.length && commands.every((one, at) => takeAnswer(one, reply.items[at] as Reply))
  );
}

function takeAnswer(command: Command, reply: Reply): boolean {
  switch (command.kind) {
    case "set":
      if (reply.type === "nil" ? command.only === undefined : reply.type !== "simple" || reply.text !== "OK") {
        return false;
      }
      command.result = reply.type === "nil" ? 0 : 1;
      return true;
    case "get":
      if (reply.type !== "nil" && reply.type !== "bulk") return false;
      command.result = reply.type === "nil" ? null : latin1(reply.bytes);
      return true;
    case "mset":
    case "flush":
      return reply.type === "simple" && reply.text === "OK";
    case "mget":
      if (reply.type !== "array" || reply.items.length !== command.keys.length) return false;
      command.result = reply.items.map((item) => (item.type === "bulk" ? latin1(item.bytes) : null));
      return reply.items.every(({ type }) => type === "bulk" || type === "nil");
    default:
      if (reply.type !== "integer") return false;
      command.result = Number(reply.value);
      return true;
  }
}
