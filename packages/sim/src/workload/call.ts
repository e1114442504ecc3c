import { keySlot } from "@sherd/client/protocol";
import { latin1, latin1Bytes, type Slot, slot as toSlot } from "sherd/core/base";
import { type CommandSpec, commandByName, type Reply } from "sherd/core/command";
import type { Request } from "sherd/core/node";
import type { Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { Violation } from "../world/index.ts";

export const slotOf = (key: string): Slot => toSlot(keySlot(latin1Bytes(key)));

const specs: Readonly<Record<Operation["kind"], CommandSpec>> = {
  set: command("set"),
  get: command("get"),
  del: command("del"),
};

function command(name: string): CommandSpec {
  const spec = commandByName(latin1Bytes(name));
  if (spec === undefined) throw new RangeError(`there is no command ${name}`);
  return spec;
}

/** Gives an operation to a node, as a client connection would. `answered` is called at most once. */
export function call(
  machine: Machine,
  operation: Operation,
  redirect: boolean,
  answered: (reply: Reply) => void,
): void {
  const args = [latin1Bytes(operation.key)];
  if (operation.kind === "set") args.push(latin1Bytes(operation.value));
  let completed = false;
  const request: Request = {
    spec: specs[operation.kind],
    args,
    slot: slotOf(operation.key),
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
        return "refused";
      case "INDETERMINATE":
        return "unknown";
      default:
        throw new Violation("known errors only", `#${operation.id} ${operation.kind}: ${reply.kind} ${reply.text}`);
    }
  }
  switch (operation.kind) {
    case "set":
      if (reply.type === "simple" && reply.text === "OK") return "done";
      break;
    case "get":
      if (reply.type !== "nil" && reply.type !== "bulk") break;
      operation.result = reply.type === "nil" ? null : latin1(reply.bytes);
      return "done";
    case "del":
      if (reply.type !== "integer") break;
      operation.result = reply.value;
      return "done";
  }
  throw new Violation("replies fit their commands", `#${operation.id} ${operation.kind}: ${JSON.stringify(reply)}`);
}
