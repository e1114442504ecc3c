import { COMMAND_BYTES_MAX, type GroupId, META_GROUP, type NodeId, utf8Bytes } from "../base/index.ts";
import { admit, type CommandSpec, type ErrorReply, err, type Reply } from "../command/index.ts";
import {
  ANNOUNCE,
  type CommandOrigin,
  FLUSH,
  keyReadFits,
  keyReadOf,
  Opcode,
  REFUSE,
  SESSION_OPEN,
  USERS,
} from "../machine/index.ts";
import { decodeAnnouncement, decodeUsersChange } from "../meta/index.ts";
import type { Request } from "../replica/index.ts";
import type { Answer, Forward } from "./messages.ts";

const WRONG_SLOT: ErrorReply = err("the shard's leader finds the keys in another slot; the nodes' versions do not fit");
const NO_USERS: ErrorReply = err("the change of users cannot be read; the nodes' versions do not fit");
const NO_NODE: ErrorReply = err("the announcement names no node; the nodes' versions do not fit");

/**
 * What a forwarded command runs as, or why it is not run. Checked again here although the sender did: an entry that
 * cannot be applied would stop every replica of the shard.
 */
export function admitForward(
  forward: Forward,
  commandOf: (opcode: number) => CommandSpec | undefined,
): CommandSpec | ErrorReply {
  const { group, opcode, args } = forward;
  if (group === META_GROUP) {
    const [argument, ...rest] = args;
    const known = argument !== undefined && rest.length === 0;
    if (opcode === ANNOUNCE.opcode) return known && decodeAnnouncement(argument) !== undefined ? ANNOUNCE : NO_NODE;
    if (opcode === USERS.opcode) return known && decodeUsersChange(argument) !== undefined ? USERS : NO_USERS;
    return unknown(opcode);
  }
  if (opcode === Opcode.holding) return (args.length === 0 ? commandOf(opcode) : undefined) ?? unknown(opcode);
  for (const spec of [SESSION_OPEN, FLUSH]) {
    if (opcode === spec.opcode) return args.length === 0 ? spec : unknown(opcode);
  }
  const keyRead = keyReadOf(opcode);
  if (keyRead !== undefined) return keyReadFits(keyRead, args) ? keyRead : unknown(opcode);
  const spec = commandOf(opcode);
  if (spec?.run === undefined) return unknown(opcode);
  let bytes = 0;
  for (const arg of args) bytes += arg.length;
  if (bytes > COMMAND_BYTES_MAX) {
    return err(`the command is ${bytes} bytes long; at most ${COMMAND_BYTES_MAX} are allowed`);
  }
  const slot = admit(spec, args);
  if (typeof slot === "number") return slot === forward.slot ? spec : WRONG_SLOT;
  return slot.type === "error" ? slot : WRONG_SLOT;
}

const unknown = (opcode: number): ErrorReply =>
  err(`the shard's leader does not know command ${opcode}: it runs another version of sherd than this node`);

/** `repeatable`: see `AnswersOut.send`. */
export type AnswerTo = (to: NodeId, answer: Answer, repeatable: boolean) => void;

/** A command that another node forwarded here. Its answer goes back to that node; so does the command, if not led here. */
export class ForwardedRequest implements Request {
  readonly spec: CommandSpec;
  readonly args: readonly Uint8Array[];
  readonly slot: Forward["slot"];
  readonly redirect = false;
  readonly stale = false;
  readonly origin?: CommandOrigin;
  readonly group: GroupId;
  /** Why the leader will not run it, if so. Only a leader says that: any other gives it back. */
  readonly refusal: ErrorReply | undefined;
  readonly #id: number;
  /** As the sender numbers them. */
  readonly #client: number | undefined;
  readonly #from: NodeId;
  readonly #answer: AnswerTo;
  #late = false;

  constructor(admitted: CommandSpec | ErrorReply, forward: Forward, from: NodeId, answer: AnswerTo) {
    const refused = "kind" in admitted;
    this.spec = refused ? REFUSE : admitted;
    this.refusal = refused ? admitted : undefined;
    this.args = forward.args;
    this.slot = forward.slot;
    // The meta group has no sessions.
    if (forward.origin !== undefined && forward.group !== META_GROUP) this.origin = forward.origin;
    this.group = forward.group;
    this.#id = forward.id;
    this.#client = forward.client;
    this.#from = from;
    this.#answer = answer;
  }

  complete(reply: Reply): void {
    // What runs in a session does so once: told that there is no room, its sender would take it for not having run.
    this.#answer(this.#from, { id: this.#id, reply, late: this.#late }, this.origin === undefined);
  }

  get client(): string | undefined {
    return this.#client === undefined ? undefined : `${this.#from} ${this.#client}`;
  }

  postpone(bytes: number): void {
    this.#answer(this.#from, { id: this.#id, reply: undefined, tooLargeBytes: bytes }, false);
  }

  retried(): void {
    this.#late = true;
  }

  giveBack(): void {
    this.#answer(this.#from, { id: this.#id, reply: undefined }, false);
  }
}

/**
 * Takes the place of a command of a session that the leader will not run. The session's numbering has no gaps (ADR 2), so
 * the error takes the command's sequence through the log: from then on no attempt at the command can take effect, which
 * is what a definite error promises. Should an earlier attempt have taken effect, the reply is the one it got.
 */
export class Refusal implements Request {
  readonly spec: CommandSpec = REFUSE;
  readonly args: readonly Uint8Array[];
  readonly slot: Request["slot"];
  readonly redirect = false;
  readonly stale = false;
  readonly origin: CommandOrigin;
  readonly #request: Request;

  constructor(request: Request, origin: CommandOrigin, error: ErrorReply) {
    this.args = [utf8Bytes(error.kind), utf8Bytes(error.text)];
    this.slot = request.slot;
    this.origin = origin;
    this.#request = request;
  }

  complete(reply: Reply): void {
    this.#request.complete(reply);
  }

  giveBack(): void {
    this.#request.giveBack?.();
  }
}

export interface ForwardInHost {
  readonly self: NodeId;
  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void;
  commandOf(opcode: number): CommandSpec | undefined;
  readonly answer: AnswerTo;
  /** Finds its way here like a client's request; `own`: see `Router.routeOwn`. */
  route(group: GroupId, request: Request, args: readonly Uint8Array[], own: boolean): void;
}

/** Commands that other nodes forwarded here, and this node to itself. */
export class ForwardIn {
  readonly #host: ForwardInHost;

  constructor(host: ForwardInHost) {
    this.#host = host;
  }

  receive(from: NodeId, forward: Forward): void {
    const { self } = this.#host;
    const admitted = admitForward(forward, (opcode) => this.#host.commandOf(opcode));
    const request = new ForwardedRequest(admitted, forward, from, this.#host.answer);
    if (request.refusal !== undefined) {
      const fields = { from, opcode: forward.opcode, error: request.refusal.text };
      this.#host.complain(`forward ${from}`, "a node forwarded a command that this one cannot run", fields);
    }
    this.#host.route(forward.group, request, forward.args, from === self);
  }
}
