/**
 * metrics: what /metrics shows, in Prometheus' text format.
 *
 * Invariants
 * - `definitions.ts` gathers the only lists: the page, docs/metrics.md and the test of the dashboard come from it.
 * - Nothing is counted here: core counts in plain numbers, and they are read when somebody asks for the page.
 * - How many lines there are is bounded by the command table, the shards and the nodes, never by what clients send.
 *
 * It does not: keep history, or know who reads it.
 */

export { metricDefinitions } from "./definitions.ts";
export type { MetricDefinition } from "./metric.ts";
export { MetricsPage } from "./page.ts";
export type { MetricSources } from "./sources.ts";
