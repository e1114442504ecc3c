import type { CommandSpec } from "../packages/server/src/core/command/index.ts";

export function commandsPage(commands: readonly CommandSpec[]): string;
export function errorsPage(catalogue: Readonly<Record<string, string>>): string;
