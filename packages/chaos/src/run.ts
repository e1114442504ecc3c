import { Random, Violation } from "@sherd/sim/world";
import { describeFault, type Injected } from "./faults/index.ts";
import { MARGIN_MS } from "./limits.ts";
import type { ChaosOptions } from "./options.ts";
import { type Extras, Stage } from "./stage.ts";
import { type BrokenHistory, checkHistories, type Gap, type Verdicts } from "./workload/index.ts";

export interface ChaosResult {
  /** The first promise that was broken, or why the run could not go on. */
  readonly failure: Error | undefined;
  readonly interrupted: boolean;
  readonly verdicts: Verdicts | undefined;
  readonly tookMs: number;
  /** From the end of the last fault until every shard had acknowledged a write; undefined: it did not come so far. */
  readonly servedAgainMs: number | undefined;
  readonly operations: number;
  readonly keys: number;
  readonly counts: ReadonlyMap<string, number>;
  readonly reasons: ReadonlyMap<string, number>;
  readonly injected: readonly Injected[];
  readonly longestGaps: readonly Gap[];
  /** What was wished for and could not be done here. */
  readonly skipped: readonly string[];
  /** Where logs, data and histories are, when something broke. */
  readonly kept: string | undefined;
}

export interface ChaosHooks extends Extras {
  readonly print: (line: string) => void;
  /** Ends the run at once; it cleans up. */
  readonly signal?: AbortSignal;
}

/**
 * One run: a cluster, its clients, faults for some minutes, and the verdict. Whatever happens, processes, namespaces and
 * mounts are gone when it resolves; the directory stays if a promise was broken.
 */
export async function runChaos(options: ChaosOptions, hooks: ChaosHooks): Promise<ChaosResult> {
  const failed = new AbortController();
  const fail = (error: Error): void => failed.abort(error);
  const watchdog = setTimeout(() => fail(late(options.minutes)), options.minutes * 60_000 + MARGIN_MS);
  const interrupt = (): void => fail(new Error("interrupted"));
  hooks.signal?.addEventListener("abort", interrupt);
  if (hooks.signal?.aborted === true) interrupt();
  const stage = new Stage(options, hooks, new Random(options.seed), fail, failed.signal);
  let servedAgainMs: number | undefined;
  let verdicts: Verdicts | undefined;
  const play = async (): Promise<void> => {
    await stage.build();
    await stage.break();
    servedAgainMs = await stage.settle();
    await stage.readAll();
    await stage.stopNodes();
    hooks.print(`checking ${stage.recorder.operations} operations`);
    verdicts = checkHistories(stage.recorder);
  };
  try {
    await orFailed(play(), failed.signal);
  } catch (error) {
    fail(error as Error);
  } finally {
    clearTimeout(watchdog);
    hooks.signal?.removeEventListener("abort", interrupt);
  }
  const interrupted = hooks.signal?.aborted === true;
  // What was seen until something else broke may show more than that did.
  if (!interrupted) verdicts ??= checkHistories(stage.recorder);
  const broken: readonly BrokenHistory[] = verdicts?.broken ?? [];
  const failure = (failed.signal.reason as Error | undefined) ?? broken[0]?.violation;
  const kept = await stage.clean(failure !== undefined && !interrupted, broken);
  return {
    failure,
    interrupted,
    verdicts,
    tookMs: stage.recorder.nowMs,
    servedAgainMs,
    operations: stage.recorder.operations,
    keys: [...stage.recorder.keys].length,
    counts: stage.recorder.counts,
    reasons: stage.recorder.reasons,
    injected: stage.injected,
    longestGaps: stage.longestGaps,
    skipped: stage.skipped,
    kept,
  };
}

/** What goes on behind a failure ends by itself when the stage is cleaned; nobody hears of it. */
async function orFailed(work: Promise<void>, failed: AbortSignal): Promise<void> {
  work.catch(() => {});
  await Promise.race([
    work,
    new Promise<never>((_, reject) => {
      if (failed.aborted) reject(failed.reason as Error);
      failed.addEventListener("abort", () => reject(failed.reason as Error));
    }),
  ]);
}

const late = (minutes: number): Violation =>
  new Violation("the run ends in time", `it goes on ${MARGIN_MS / 1000} s after its ${minutes} minutes of faults`);

/** Faults by kind, as they were injected. */
export function faultCounts(injected: readonly Injected[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { fault } of injected) counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1);
  return counts;
}

/** What was broken during a gap. */
export function faultsDuring(injected: readonly Injected[], { fromMs, ms }: Gap): string[] {
  return injected
    .filter((one) => one.fromMs < fromMs + ms && one.untilMs > fromMs)
    .map(({ fault }) => describeFault(fault));
}
