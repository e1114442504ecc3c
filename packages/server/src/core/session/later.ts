import { assert } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import { ReplyPlace, type RequestOwner } from "./open-request.ts";

/**
 * The answer to a command of the connection that is not known yet: it asks shards or other nodes, or waits for a time.
 * Nothing behind it is taken from the connection meanwhile, so whoever makes one completes it within a bound of its own.
 */
export class Later extends ReplyPlace {
  /** The command, and when it was given to whoever made this, for `CommandTimer`. */
  spec: CommandSpec | undefined;
  fromUs = 0;
  /** Behind the name, and whose it is, for the slow log. */
  args: readonly Uint8Array[] = [];
  owner: Pick<RequestOwner, "socket" | "name"> | undefined;
  readonly #abandon: (() => void) | undefined;
  #ready: (() => void) | undefined;

  /** `abandon`: the client has gone, nobody waits any more. `complete` may still be called. */
  constructor(abandon?: () => void) {
    super(undefined);
    this.#abandon = abandon;
  }

  /** In a pass or outside of one. */
  complete(reply: Reply): void {
    assert(this.reply === undefined, "a command is answered once");
    this.reply = reply;
    this.#ready?.();
  }

  /** For the connection: `ready` is called when there is the reply. */
  await(ready: () => void): void {
    this.#ready = ready;
  }

  /** For the connection: it is closed. */
  abandon(): void {
    this.#ready = undefined;
    this.#abandon?.();
  }
}
