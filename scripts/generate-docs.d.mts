import type { CommandDetails, CommandSpec } from "../packages/server/src/core/command/index.ts";
import type { MetricDefinition } from "../packages/server/src/front/metrics/index.ts";

export function commandsPage(
  commands: readonly CommandSpec[],
  detailsOf: (spec: CommandSpec) => CommandDetails | undefined,
): string;
export function configurationPage(settings: typeof import("../packages/server/src/daemon/settings/index.ts")): string;
export function errorsPage(catalogue: Readonly<Record<string, string>>): string;
export function metricsPage(definitions: readonly MetricDefinition[]): string;
