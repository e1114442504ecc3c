import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import { metricDefinitions } from "./definitions.ts";
import type { MetricSources, Moment } from "./sources.ts";

/** The event loop's lag is sampled so often. */
const LOOP_LAG_MS = 20;

/**
 * Memory, CPU, event loop, garbage collection: of the process, so there is one of it, however many nodes a program runs.
 * What it watches can not be given back, so it begins with the first node, not when a library is loaded.
 */
let ofProcess: Registry | undefined;

function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: LOOP_LAG_MS });
  }
  return ofProcess;
}

/** The page of one node. */
export class MetricsPage {
  readonly contentType: string = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #sources: MetricSources;
  readonly #registry: Registry = new Registry();
  #moment: Moment | undefined;

  constructor(sources: MetricSources) {
    this.#sources = sources;
    processRegistry();
    for (const { name, help, type, collect } of metricDefinitions) {
      const aggregator = "sum";
      // Core has counted already: what the library would count itself is given to it as it is.
      const metric = {
        name,
        help,
        type,
        aggregator,
        get: async () => ({ name, help, type, aggregator, values: collect(this.#now()) }),
      };
      this.#registry.registerMetric(metric as unknown as Metric);
    }
  }

  /** All lines are of the same moment. */
  async text(): Promise<string> {
    const { metrics, ...rest } = this.#sources;
    this.#moment = { ...rest, node: metrics() };
    const [own, process] = await Promise.all([this.#registry.metrics(), processRegistry().metrics()]);
    return `${own}\n${process}`;
  }

  #now(): Moment {
    if (this.#moment === undefined) throw new Error("metrics are collected for a page");
    return this.#moment;
  }
}
