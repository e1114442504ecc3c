import { SherdError } from "../../core/base/index.ts";
import type { KeyValueTarget } from "../target/index.ts";
import { Statistics } from "./statistics.ts";
import { OperationSource, type Workload } from "./workload.ts";

/** A run in which nothing at all succeeds for so long is ended: every operation would only wait for its time-out. */
const STALL_MS_MAX = 30_000;
const WATCH_INTERVAL_MS = 250;

export interface LoadPlan {
  readonly workload: Workload;
  /** Measured operations of each worker. */
  readonly iterations: number;
  /** Operations of each worker before the measurement, of the same mix. */
  readonly warmup: number;
  /** Operations that a worker sends at once; it sends the next ones when all are answered. */
  readonly pipeline: number;
  readonly seed: number;
}

export interface LoadResult {
  readonly statistics: Statistics;
  readonly elapsedMs: number;
  /** Share of the measured time in which this process was busy. Near 1 the load generator is what was measured. */
  readonly generatorUtilization: number;
}

export interface LoadEvents {
  onPhase(phase: "load" | "warm-up" | "measure", operations: number): void;
  /** Every 250 ms, and at the end of a phase. */
  onProgress(operations: number): void;
}

/** One worker per target, all in step: every phase begins when all have ended the one before. */
export async function runLoad(
  targets: readonly KeyValueTarget[],
  plan: LoadPlan,
  events: LoadEvents,
): Promise<LoadResult> {
  const workers = targets.map(
    (target, at) => new LoadWorker(target, new OperationSource(plan.workload, plan.seed, at), plan.pipeline),
  );
  const loadedEach = Math.ceil(plan.workload.loadedKeys / workers.length);
  await runPhase(workers, "load", loadedEach, events);
  await runPhase(workers, "warm-up", plan.warmup, events);
  const utilizationBefore = performance.eventLoopUtilization();
  const startedMs = performance.now();
  const statistics = await runPhase(workers, "measure", plan.iterations, events);
  return {
    statistics,
    elapsedMs: performance.now() - startedMs,
    generatorUtilization: performance.eventLoopUtilization(utilizationBefore).utilization,
  };
}

async function runPhase(
  workers: readonly LoadWorker[],
  phase: "load" | "warm-up" | "measure",
  operationsEach: number,
  events: LoadEvents,
): Promise<Statistics> {
  const statistics = new Statistics();
  if (operationsEach === 0) return statistics;
  events.onPhase(phase, operationsEach * workers.length);
  const startedMs = performance.now();
  let watch: NodeJS.Timeout | undefined;
  const stalled = new Promise<never>((_, reject) => {
    watch = setInterval(() => {
      events.onProgress(statistics.answered);
      const silentMs = performance.now() - Math.max(statistics.lastSuccessMs, startedMs);
      if (silentMs > STALL_MS_MAX) reject(stallError(statistics));
    }, WATCH_INTERVAL_MS);
  });
  try {
    await Promise.race([stalled, Promise.all(workers.map((worker) => worker.run(phase, operationsEach, statistics)))]);
  } finally {
    clearInterval(watch);
  }
  events.onProgress(statistics.answered);
  if (phase === "load" && statistics.firstError !== undefined) {
    throw new SherdError("SHERD_OPERATION_FAILED", `Putting the first keys failed: ${statistics.firstError}.`);
  }
  return statistics;
}

function stallError(statistics: Statistics): SherdError {
  const last = statistics.firstError === undefined ? "no answer at all" : `first error: ${statistics.firstError}`;
  return new SherdError("SHERD_OPERATION_FAILED", `No operation succeeded for ${STALL_MS_MAX / 1000} s (${last}).`);
}

/** A closed loop: sends a batch, waits for all its answers, sends the next. */
class LoadWorker {
  readonly #target: KeyValueTarget;
  readonly #source: OperationSource;
  readonly #pipeline: number;

  constructor(target: KeyValueTarget, source: OperationSource, pipeline: number) {
    this.#target = target;
    this.#source = source;
    this.#pipeline = pipeline;
  }

  run(phase: "load" | "warm-up" | "measure", operations: number, statistics: Statistics): Promise<void> {
    return new Promise((resolve) => {
      let left = operations;
      let outstanding = 0;
      const answered = (): void => {
        outstanding -= 1;
        if (outstanding === 0) batch();
      };
      const batch = (): void => {
        outstanding = Math.min(this.#pipeline, left);
        left -= outstanding;
        if (outstanding === 0) resolve();
        for (let i = outstanding; i > 0; i -= 1) this.#issue(phase === "load", statistics, answered);
      };
      batch();
    });
  }

  #issue(putsOnly: boolean, statistics: Statistics, answered: () => void): void {
    const source = this.#source;
    const operation = putsOnly ? source.nextPut() : source.next();
    const key = source.key;
    const startedMs = performance.now();
    if (operation === "put") {
      this.#target.put(key, source.value, (answer) => {
        statistics.record("put", answer, startedMs, performance.now());
        if (answer.type === "stored") source.stored(key);
        answered();
      });
    } else if (operation === "get") {
      this.#target.get(key, (answer) => {
        statistics.record("get", answer, startedMs, performance.now());
        answered();
      });
    } else {
      this.#target.delete(key, (answer) => {
        statistics.record("delete", answer, startedMs, performance.now());
        answered();
      });
    }
  }
}
