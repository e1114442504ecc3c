import type { Slot } from "../../core/base/index.ts";
import { type CommandSpec, errorReply, isWrite, type Reply } from "../../core/command/index.ts";
import type { NodeApi, Request } from "../../core/node/index.ts";

/** After an error that says "not done, try again" the node is asked again so much later. */
const RETRY_MS = 50;

/** The command did not and will not take effect, and another time it may: a leader is being elected, a slot is moving. */
const RETRYABLE: ReadonlySet<string> = new Set(["CLUSTERDOWN", "TRYAGAIN", "LOADING"]);

/**
 * Runs one command within a deadline, asking again as long as the node says that nothing was done.
 * At the deadline a write that is under way has an unknown outcome, and the answer says so.
 */
export class DeadlineCall {
  readonly #node: NodeApi;
  readonly #spec: CommandSpec;
  readonly #args: readonly Uint8Array[];
  readonly #slot: Slot;
  readonly #answer: (reply: Reply) => void;
  readonly #timeoutMs: number;
  readonly #deadline: NodeJS.Timeout;
  #retry: NodeJS.Timeout | undefined;
  /** Why nothing has been done so far; undefined while the node works on the command. */
  #notDone: Reply | undefined;
  #over = false;

  constructor(
    node: NodeApi,
    spec: CommandSpec,
    args: readonly Uint8Array[],
    slot: Slot,
    timeoutMs: number,
    answer: (reply: Reply) => void,
  ) {
    this.#node = node;
    this.#spec = spec;
    this.#args = args;
    this.#slot = slot;
    this.#answer = answer;
    this.#timeoutMs = timeoutMs;
    this.#deadline = setTimeout(() => this.#onDeadline(), timeoutMs);
    this.#execute();
  }

  /** The caller has gone away: nothing is asked for again. What is under way goes on. */
  abandon(): void {
    this.#end();
  }

  #execute(): void {
    this.#notDone = undefined;
    const request: Request = {
      spec: this.#spec,
      args: this.#args,
      slot: this.#slot,
      redirect: false,
      stale: false,
      complete: (reply) => this.#complete(reply),
    };
    this.#node.execute(request);
  }

  #complete(reply: Reply): void {
    if (this.#over) return;
    if (reply.type === "error" && RETRYABLE.has(reply.kind)) {
      this.#notDone = reply;
      this.#retry = setTimeout(() => this.#execute(), RETRY_MS);
      return;
    }
    this.#end();
    this.#answer(reply);
  }

  #onDeadline(): void {
    if (this.#over) return;
    this.#end();
    if (this.#notDone !== undefined) this.#answer(this.#notDone);
    else if (isWrite(this.#spec)) this.#answer(this.#unknownOutcome());
    else this.#answer(errorReply("TIMEOUT", `no answer within ${this.#timeoutMs} ms; try again`));
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
  }
}
