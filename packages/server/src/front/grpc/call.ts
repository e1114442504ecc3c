import type { Slot } from "../../core/base/index.ts";
import { type CommandSpec, errorReply, isWrite, type Reply } from "../../core/command/index.ts";
import type { NodeApi, Request } from "../../core/node/index.ts";
import type { Entrant, Inflight } from "./inflight.ts";
import { RETRY_MS } from "./limits.ts";

/** The command did not and will not take effect, and another time it may: a leader is being elected, a slot is moving. */
const RETRYABLE: ReadonlySet<string> = new Set(["CLUSTERDOWN", "TRYAGAIN", "LOADING"]);

/** One command, admitted. */
export interface Command {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
  readonly slot: Slot;
}

/** Who asked. It is ended once, in one of the three ways; not after `abandon`. */
export interface Caller {
  answer(reply: Reply): void;
  /** So many calls are open that this one was never begun. */
  exhausted(text: string): void;
  /** Asked before each attempt that is not made at once: whether it may still be made. False: the call has been ended. */
  mayStill(): boolean;
}

/**
 * Runs one command within a deadline, asking again as long as the node says that nothing was done.
 * At the deadline a write that is under way has an unknown outcome, and the answer says so.
 */
export class DeadlineCall implements Entrant {
  readonly bytes: number;
  readonly #node: NodeApi;
  readonly #inflight: Inflight;
  readonly #command: Command;
  readonly #caller: Caller;
  readonly #timeoutMs: number;
  readonly #deadline: NodeJS.Timeout;
  #retry: NodeJS.Timeout | undefined;
  /** False: it waits for its turn. */
  #begun = false;
  /** The node works on it. It keeps its place in `inflight` until the node is done, whoever still waits for the answer. */
  #atNode = false;
  /** Why nothing has been done so far. */
  #notDone: Reply | undefined;
  #over = false;
  /** What was allowed when it came may not be any more. */
  #late = false;

  constructor(node: NodeApi, inflight: Inflight, command: Command, timeoutMs: number, caller: Caller) {
    this.bytes = command.args.reduce((sum, arg) => sum + arg.length, 0);
    this.#node = node;
    this.#inflight = inflight;
    this.#command = command;
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#deadline = setTimeout(() => this.#onDeadline(), timeoutMs);
    if (inflight.enter(this)) {
      this.#late = true;
      return;
    }
    this.#over = true;
    clearTimeout(this.#deadline);
    caller.exhausted(inflight.full);
  }

  begin(): void {
    this.#begun = true;
    this.#execute();
  }

  /** The caller has gone away: nothing is asked for again. What is under way goes on. False: it was over already. */
  abandon(): boolean {
    if (this.#over) return false;
    this.#end();
    return true;
  }

  #execute(): void {
    if (this.#late && !this.#caller.mayStill()) {
      this.#end();
      return;
    }
    this.#notDone = undefined;
    this.#atNode = true;
    const { spec, args, slot } = this.#command;
    const request: Request = {
      spec,
      args,
      slot,
      redirect: false,
      stale: false,
      complete: (reply) => this.#complete(reply),
    };
    this.#node.execute(request);
  }

  #complete(reply: Reply): void {
    this.#atNode = false;
    if (this.#over) {
      this.#inflight.leave(this);
      return;
    }
    if (reply.type === "error" && RETRYABLE.has(reply.kind)) {
      this.#notDone = reply;
      this.#retry = setTimeout(() => this.#execute(), RETRY_MS);
      return;
    }
    this.#end();
    this.#caller.answer(reply);
  }

  #onDeadline(): void {
    if (this.#over) return;
    const exhausted = this.#inflight.full;
    this.#end();
    if (!this.#begun) this.#caller.exhausted(exhausted);
    else if (this.#notDone !== undefined) this.#caller.answer(this.#notDone);
    else if (isWrite(this.#command.spec)) this.#caller.answer(this.#unknownOutcome());
    else this.#caller.answer(errorReply("TIMEOUT", `no answer within ${this.#timeoutMs} ms; try again`));
  }

  #unknownOutcome(): Reply {
    return errorReply(
      "INDETERMINATE",
      `no answer within ${this.#timeoutMs} ms: the write may or may not take effect; read the key to find out`,
    );
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#retry);
    if (!this.#atNode) this.#inflight.leave(this);
  }
}
