import type { CommandDetails, CommandSpec } from "../packages/server/src/core/command/index.ts";

export function commandsPage(
  commands: readonly CommandSpec[],
  detailsOf: (spec: CommandSpec) => CommandDetails | undefined,
): string;
export function errorsPage(catalogue: Readonly<Record<string, string>>): string;
