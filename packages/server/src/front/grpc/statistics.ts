import { DurationHistogram } from "../../core/base/index.ts";
import type { FinishedCall } from "./kvstore.ts";

type Method = FinishedCall["method"];

export interface CountedResult {
  readonly method: Method;
  readonly result: string;
  readonly count: number;
}

/** What became of the calls. Results are words of this program, so there are few. */
export class GrpcStatistics {
  readonly durations: ReadonlyMap<Method, DurationHistogram> = new Map(
    (["Get", "Put", "Delete"] as const).map((method) => [method, new DurationHistogram()]),
  );
  readonly #results: Map<Method, Map<string, number>> = new Map();

  record({ method, result, ms }: FinishedCall): void {
    this.durations.get(method)?.recordMs(ms);
    const results = this.#results.get(method) ?? new Map<string, number>();
    this.#results.set(method, results);
    results.set(result, (results.get(result) ?? 0) + 1);
  }

  *results(): Iterable<CountedResult> {
    for (const [method, results] of this.#results) {
      for (const [result, count] of results) yield { method, result, count };
    }
  }
}
