import { type CommandSpec, NO_KEYS } from "../command/index.ts";
import { Opcode } from "./entry.ts";

function internal(name: string, opcode: number, keys: 0 | 1 = 0): CommandSpec {
  const positions = { first: keys, last: keys, step: keys };
  return {
    name,
    opcode,
    arity: -1,
    flags: ["write"],
    keys: positions,
    values: NO_KEYS,
    since: "",
    group: "internal",
    summary: "",
  };
}

/** Commands that nodes put into entries and send each other, never clients. */
export const SESSION_OPEN: CommandSpec = internal("session.open", Opcode.sessionOpen);
export const REFUSE: CommandSpec = internal("refuse", Opcode.refuse);
export const ANNOUNCE: CommandSpec = internal("announce", Opcode.announce);
export const USERS: CommandSpec = internal("users", Opcode.users);
export const TIME: CommandSpec = internal("time.entry", Opcode.time);
export const END: CommandSpec = internal("key.end", Opcode.end, 1);
export const FLUSH: CommandSpec = internal("flush", Opcode.flush);
