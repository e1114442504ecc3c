import type { CommandSpec } from "../command/index.ts";
import { Opcode } from "../machine/index.ts";

function internal(name: string, opcode: number): CommandSpec {
  const keys = { first: 0, last: 0, step: 0 };
  return { name, opcode, arity: -1, flags: ["write"], keys, since: "", group: "internal", summary: "" };
}

/** Commands that nodes send each other, never clients. */
export const SESSION_OPEN: CommandSpec = internal("session.open", Opcode.sessionOpen);
export const REFUSE: CommandSpec = internal("refuse", Opcode.refuse);
export const ANNOUNCE: CommandSpec = internal("announce", Opcode.announce);
export const USERS: CommandSpec = internal("users", Opcode.users);
