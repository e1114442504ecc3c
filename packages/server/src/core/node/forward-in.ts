import { type GroupId, META_GROUP, type NodeId } from "../base/index.ts";
import { admit, type CommandSpec, type Reply } from "../command/index.ts";
import type { CommandOrigin } from "../machine/index.ts";
import type { Request } from "../replica/index.ts";
import { ANNOUNCE, SESSION_OPEN } from "./internal-commands.ts";
import type { Answer, Forward } from "./messages.ts";

/**
 * What a forwarded command runs as; undefined when no replica could apply it. Checked again here although the sender did:
 * an entry that cannot be applied would stop every replica of the shard.
 */
export function forwardedSpec(
  forward: Forward,
  commandOf: (opcode: number) => CommandSpec | undefined,
): CommandSpec | undefined {
  const { group, opcode, args, slot } = forward;
  if (group === META_GROUP) return opcode === ANNOUNCE.opcode && args.length === 1 ? ANNOUNCE : undefined;
  if (opcode === SESSION_OPEN.opcode) return SESSION_OPEN;
  const spec = commandOf(opcode);
  return spec?.run !== undefined && admit(spec, args) === slot ? spec : undefined;
}

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
