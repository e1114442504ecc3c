import { encodeCommand } from "@sherd/client/protocol";
import { concatBytes, latin1Bytes } from "sherd/core/base";
import type { Reply } from "sherd/core/command";
import { type Command, describe, type Operation, type Watched } from "../checkers/index.ts";
import { Violation } from "../world/index.ts";
import { argsOf, judge } from "./call.ts";

/**
 * An operation on a connection. What belongs to it and comes before it (WATCH; MULTI and the commands that it queues) is
 * answered by itself, and by OK, QUEUED or an error.
 */
export class Transmission {
  readonly operation: Operation;
  /** WATCH of its keys goes before it. */
  readonly watches: boolean;
  readonly bytes: Uint8Array;
  #before: number;
  /** Of what came before it. */
  #error: (Reply & { readonly type: "error" }) | undefined;

  constructor(operation: Operation, watches: boolean) {
    this.operation = operation;
    this.watches = watches;
    const before = wordsBefore(operation, watches);
    const own = operation.kind === "exec" ? ["EXEC"] : wordsOf(operation);
    this.#before = before.length;
    this.bytes = concatBytes([...before, own].map(encodeCommand));
  }

  /** What became of it; undefined: its own reply is still to come. */
  take(reply: Reply): ReturnType<typeof judge> | undefined {
    if (this.#before > 0) {
      this.#before -= 1;
      if (reply.type === "error") this.#error ??= reply;
      else if (reply.type !== "simple") this.#unfit(reply);
      return undefined;
    }
    if (reply.type !== "error" || reply.kind !== "EXECABORT") return judge(this.operation, reply);
    // It began before the node knew who may come in.
    if (reply.text.includes("LOADING")) return judge(this.operation, { ...reply, kind: "LOADING" });
    // Nothing of it is done where something could not be queued, and only there.
    return this.#error === undefined ? this.#unfit(reply) : judge(this.operation, this.#error);
  }

  /** Its error, or that of what came before it. */
  errorIn(reply: Reply): { readonly kind: string; readonly text: string } | undefined {
    return this.#error ?? (reply.type === "error" ? reply : undefined);
  }

  /** What was read of its keys, if each was watched before. */
  watched(): Watched[] | undefined {
    const { operation } = this;
    if (!this.watches || this.#error !== undefined || operation.outcome !== "done") return undefined;
    const values = operation.kind === "mget" ? operation.result : [operation.kind === "get" ? operation.result : null];
    return operation.keys.map((key, at) => ({ key, value: values[at] ?? null, since: operation.began }));
  }

  #unfit(reply: Reply): never {
    throw new Violation("replies fit their commands", `${describe(this.operation)}: ${JSON.stringify(reply)}`);
  }
}

type Words = [string, ...Uint8Array[]];

const wordsOf = (command: Command): Words => [command.kind, ...argsOf(command)];

function wordsBefore(operation: Operation, watches: boolean): Words[] {
  if (watches) return [["WATCH", ...operation.keys.map(latin1Bytes)]];
  return operation.kind === "exec" ? [["MULTI"], ...operation.commands.map(wordsOf)] : [];
}
