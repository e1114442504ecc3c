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

/** A command whose first argument chooses one of others. */
export const container = (command: Omit<LocalCommand, "arity" | "flags">): CommandSpec =>
  local({ ...command, arity: -2, flags: [] });

type Row = (
  name: string,
  arity: number,
  flags: readonly CommandFlag[],
  since: string,
  summary: string,
  ...tips: readonly string[]
) => CommandSpec;

/** Makes rows of a table: commands of a group or, with `of`, subcommands of that container. */
export const rowsOf =
  (group: string, of?: string): Row =>
  (name, arity, flags, since, summary, ...tips) => {
    const row = { name: of === undefined ? name : `${of}|${name}`, arity, flags, since, group, summary };
    return local(tips.length > 0 ? { ...row, tips } : row);
  };
