import type { DurationHistogram } from "../../core/base/index.ts";
import { histogramLines, one } from "./samples.ts";
import type { Moment, Sample } from "./sources.ts";

/** A metric: what it is called, what it says, and where its lines come from. */
export interface MetricDefinition {
  /** Prometheus' conventions: the unit last, in base units; counters end in `_total`. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Heading of docs/metrics.md. */
  readonly group: string;
  readonly help: string;
  readonly labels: readonly string[];
  collect(moment: Moment): Sample[];
}

/** Makes metrics of one group that have no labels: what a node has one of. */
export interface NodeMetricMaker {
  gauge(name: string, help: string, value: (moment: Moment) => number): MetricDefinition;
  counter(name: string, help: string, value: (moment: Moment) => number): MetricDefinition;
  histogram(name: string, help: string, durations: (moment: Moment) => DurationHistogram): MetricDefinition;
}

export function inGroup(group: string): NodeMetricMaker {
  const metric = (
    type: MetricDefinition["type"],
    name: string,
    help: string,
    collect: MetricDefinition["collect"],
  ): MetricDefinition => ({ name, type, group, help, labels: [], collect });
  return {
    gauge: (name, help, value) => metric("gauge", name, help, (moment) => one(value(moment))),
    counter: (name, help, value) => metric("counter", name, help, (moment) => one(value(moment))),
    histogram: (name, help, durations) =>
      metric("histogram", name, help, (moment) => histogramLines(name, durations(moment))),
  };
}
