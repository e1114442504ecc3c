import type { GroupId, NodeId } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import type { CommandOrigin } from "../machine/index.ts";
import type { Request } from "../replica/index.ts";
import type { Answer, Forward } from "./messages.ts";

/** A command that another node forwarded here. Its answer goes back to that node; so does the command, if not led here. */
export class ForwardedRequest implements Request {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
  readonly slot: Forward["slot"];
  readonly redirect = false;
  readonly stale = false;
  readonly origin?: CommandOrigin;
  readonly group: GroupId;
  readonly #id: number;
  readonly #from: NodeId;
  readonly #answer: (to: NodeId, answer: Answer) => void;

  constructor(spec: CommandSpec, forward: Forward, from: NodeId, answer: (to: NodeId, answer: Answer) => void) {
    this.spec = spec;
    this.args = forward.args;
    this.slot = forward.slot;
    if (forward.origin !== undefined) this.origin = forward.origin;
    this.group = forward.group;
    this.#id = forward.id;
    this.#from = from;
    this.#answer = answer;
  }

  complete(reply: Reply): void {
    this.#answer(this.#from, { id: this.#id, reply });
  }

  giveBack(): void {
    this.#answer(this.#from, { id: this.#id, reply: undefined });
  }
}
