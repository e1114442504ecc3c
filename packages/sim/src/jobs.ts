import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

/** What a worker is asked: one seed, as the command line says it. Plain JSON. */
export interface Job {
  readonly seed: string;
  readonly steps: number;
  readonly nodes: number;
  readonly shards: number;
  readonly profile: string | undefined;
  readonly bug: string | undefined;
  readonly onlyFaults: readonly number[] | undefined;
}

/** What it answers. */
export interface Outcome {
  readonly seed: string;
  readonly hash: string;
  readonly virtualMs: number;
  readonly operations: number;
  readonly undecided: number;
  readonly coverage: readonly (readonly [what: string, count: number])[];
  /** Of a broken promise: what is printed, and which promise it was. */
  readonly failure: { readonly promise: string; readonly report: string } | undefined;
}

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));

/**
 * Runs jobs on all cores, each in a process of its own: the Raft core's memory and the marks belong to a process.
 * `next` gives jobs until it gives undefined; `done` is told each outcome as it comes and may end it all by answering
 * false. Workers that end by themselves fail the whole.
 */
export async function runJobs(
  next: () => Job | undefined,
  done: (job: Job, outcome: Outcome) => boolean,
): Promise<void> {
  let ended = false;
  await Promise.all(Array.from({ length: availableParallelism() }, () => worker()));

  async function worker(): Promise<void> {
    let job = ended ? undefined : next();
    if (job === undefined) return;
    const child = fork(WORKER, { serialization: "json" });
    try {
      for (; job !== undefined; job = ended ? undefined : next()) {
        const asked: Job = job;
        const outcome = await new Promise<Outcome>((resolve, reject) => {
          const onExit = (code: number | null): void =>
            reject(new Error(`the worker of seed ${asked.seed} ended: ${code}`));
          child.once("exit", onExit);
          child.once("message", (message) => {
            child.off("exit", onExit);
            resolve(message as Outcome);
          });
          child.send(asked);
        });
        if (!done(asked, outcome)) ended = true;
      }
    } finally {
      child.kill();
    }
  }
}
