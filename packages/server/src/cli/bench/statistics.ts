import { build, type Histogram } from "hdr-histogram-js";
import type { Answer } from "../target/index.ts";
import { OPERATIONS, type OperationName } from "./workload.ts";

/** Latencies are kept in microseconds with three significant digits, up to two minutes: longer than any time-out. */
const LATENCY_US_MAX = 120_000_000;

export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface OperationSummary {
  /** Answered without an error. */
  readonly count: number;
  readonly perSecond: number;
  /** Gets that found a value, deletes that found a key. Null where it means nothing (puts) or the protocol does not tell. */
  readonly found: number | null;
  /** Milliseconds from sending to the answer, of the operations in `count`. Null when there are none. */
  readonly latencyMs: LatencySummary | null;
}

export interface Summary {
  readonly elapsedMs: number;
  readonly all: OperationSummary;
  readonly operations: Readonly<Record<OperationName, OperationSummary>>;
  /** Failures by kind. They count in no figure above. */
  readonly errors: Readonly<Record<string, number>>;
  readonly errorCount: number;
}

interface Tally {
  readonly histogram: Histogram;
  found: number;
  foundTold: boolean;
}

const newHistogram = (): Histogram =>
  build({ lowestDiscernibleValue: 1, highestTrackableValue: LATENCY_US_MAX, numberOfSignificantValueDigits: 3 });

/** What the workers of one run saw. */
export class Statistics {
  readonly #tallies: Record<OperationName, Tally> = {
    put: { histogram: newHistogram(), found: 0, foundTold: false },
    get: { histogram: newHistogram(), found: 0, foundTold: true },
    delete: { histogram: newHistogram(), found: 0, foundTold: true },
  };
  readonly #errors = new Map<string, number>();
  #firstError: string | undefined;
  #answered = 0;
  #lastSuccessMs = 0;

  /** Operations with an answer, failures included. */
  get answered(): number {
    return this.#answered;
  }

  /** When the last operation succeeded, on the clock of `record`'s caller; 0: none yet. */
  get lastSuccessMs(): number {
    return this.#lastSuccessMs;
  }

  /** In the store's own words. */
  get firstError(): string | undefined {
    return this.#firstError;
  }

  record(operation: OperationName, answer: Answer, startedMs: number, nowMs: number): void {
    this.#answered += 1;
    if (answer.type === "failed") {
      this.#errors.set(answer.kind, (this.#errors.get(answer.kind) ?? 0) + 1);
      this.#firstError ??= answer.text;
      return;
    }
    this.#lastSuccessMs = nowMs;
    const tally = this.#tallies[operation];
    const us = Math.round((nowMs - startedMs) * 1000);
    tally.histogram.recordValue(us < LATENCY_US_MAX ? us : LATENCY_US_MAX);
    if (answer.type === "value" || (answer.type === "deleted" && answer.existed === true)) tally.found += 1;
    else if (answer.type === "deleted" && answer.existed === undefined) tally.foundTold = false;
  }

  summary(elapsedMs: number): Summary {
    const all = newHistogram();
    let found = 0;
    for (const name of OPERATIONS) {
      all.add(this.#tallies[name].histogram);
      found += this.#tallies[name].found;
    }
    const told = this.#tallies.get.foundTold && this.#tallies.delete.foundTold;
    const of = (name: OperationName): OperationSummary => {
      const tally = this.#tallies[name];
      return summarize(tally.histogram, tally.foundTold ? tally.found : null, elapsedMs);
    };
    const errors = Object.fromEntries([...this.#errors].sort(([, left], [, right]) => right - left));
    return {
      elapsedMs,
      all: summarize(all, told ? found : null, elapsedMs),
      operations: { put: of("put"), get: of("get"), delete: of("delete") },
      errors,
      errorCount: Object.values(errors).reduce((sum, count) => sum + count, 0),
    };
  }
}

function summarize(histogram: Histogram, found: number | null, elapsedMs: number): OperationSummary {
  const count = histogram.totalCount;
  const max = histogram.maxValue / 1000;
  // The histogram answers the upper end of a value's bucket, which may lie above the largest value itself.
  const at = (percentile: number): number => Math.min(histogram.getValueAtPercentile(percentile) / 1000, max);
  return {
    count,
    perSecond: elapsedMs > 0 ? (count / elapsedMs) * 1000 : 0,
    found,
    latencyMs: count === 0 ? null : { p50: at(50), p95: at(95), p99: at(99), p999: at(99.9), max },
  };
}
