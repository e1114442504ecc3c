import type { CommandFlag, CommandSpec } from "./types.ts";

const NO_KEYS = { first: 0, last: 0, step: 0 } as const;

interface LocalCommand {
  readonly name: string;
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  readonly since: string;
  readonly group: string;
  readonly summary: string;
  readonly waits?: boolean;
  readonly tips?: readonly string[];
  readonly subcommands?: readonly CommandSpec[];
}

/** A command that the connection answers itself: no opcode, no keys, never replicated. */
export const local = (command: LocalCommand): CommandSpec => ({ ...command, opcode: 0, keys: NO_KEYS });
