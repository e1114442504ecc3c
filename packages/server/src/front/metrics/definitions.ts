import { COMMANDS, CONNECTIONS } from "./clients.ts";
import type { MetricDefinition } from "./metric.ts";
import { NODE } from "./node.ts";
import { SHARDS } from "./shards.ts";
import { STORAGE } from "./storage.ts";
import { TLS } from "./tls.ts";

/** All, in the order of docs/metrics.md. */
export const metricDefinitions: readonly MetricDefinition[] = [
  ...NODE,
  ...COMMANDS,
  ...CONNECTIONS,
  ...STORAGE,
  ...SHARDS,
  ...TLS,
];
