import { type ChildProcess, fork } from "node:child_process";
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

export interface Workers {
  /** At most so many at a time; all cores when not given. */
  readonly count?: number | undefined;
  /** The program that each runs. */
  readonly program?: string;
}

const WORKER = fileURLToPath(new URL("worker.js", import.meta.url));

/**
 * Runs jobs on several cores, each in a process of its own: the Raft core's memory and the marks belong to a process.
 * `next` gives jobs until it gives undefined; `done` is told each outcome as it comes and may end it all by answering
 * false. A worker that ends by itself fails the whole. Nothing runs any more when it is over.
 */
export async function runJobs(
  next: () => Job | undefined,
  done: (job: Job, outcome: Outcome) => boolean,
  { count = availableParallelism(), program = WORKER }: Workers = {},
): Promise<void> {
  let ended = false;
  const take = (): Job | undefined => (ended ? undefined : next());
  const ends = await Promise.allSettled(Array.from({ length: count }, () => worker()));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;

  async function worker(): Promise<void> {
    let job = take();
    if (job === undefined) return;
    const child = fork(program, { serialization: "json" });
    try {
      for (; job !== undefined; job = take()) {
        if (!done(job, await ask(child, job))) ended = true;
      }
    } catch (error) {
      ended = true;
      throw error;
    } finally {
      child.kill();
    }
  }
}

async function ask(child: ChildProcess, job: Job): Promise<Outcome> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`the worker of seed ${job.seed} ended: ${code}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message as Outcome);
    });
    child.send(job);
  });
}
