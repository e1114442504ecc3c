import type { CrashKind, Machine } from "../node/index.ts";
import type { Random } from "../world/index.ts";
import { drawAwayMs, type Fault, fault, type Stage } from "./fault.ts";

const PAUSE_MS = [50, 4_000] as const;
/** Longer than elections, than what peers take for silence, and than the limits of what waits. */
const LONG_PAUSE_MS = [4_000, 16_000] as const;
/** A node gets through its start in some hundreds of requests to env. */
const REQUESTS_MAX = 1_500;
/** Kinds of requests (beginnings of their names), and after how many of them a node is ended there, at most. */
const RARE_REQUESTS = ["disk write", "disk", "engine write", "engine", "links send", "deflate", "inflate"] as const;
const RARE_REQUESTS_MAX = 60;

const drawKind = (random: Random): CrashKind => (random.chance(0.5) ? "process" : "power");

/** Ends of processes, and processes that stand still. */
export const processFaults: Readonly<Record<string, Fault>> = {
  crash: fault<{ node: string; how: CrashKind; awayMs: number }>({
    draw: (random, cast) => ({
      node: random.pick(cast.nodes),
      how: drawKind(random),
      awayMs: drawAwayMs(random, cast),
    }),
    inject: (stage, { node, how, awayMs }) => crash(stage, stage.machine(node), how, awayMs),
  }),

  /** Half of the time at any request; else at one of a kind, for most requests are of the same few kinds. */
  "crash at a request": fault<{ node: string; how: CrashKind; at: string; count: number; awayMs: number }>({
    draw: (random, cast) => {
      const any = random.chance(0.5);
      return {
        node: random.pick(cast.nodes),
        how: drawKind(random),
        at: any ? "" : random.pick(RARE_REQUESTS),
        count: 1 + random.below(any ? REQUESTS_MAX : RARE_REQUESTS_MAX),
        awayMs: drawAwayMs(random, cast),
      };
    },
    inject(stage, { node, how, at, count, awayMs }) {
      const { process } = stage.machine(node);
      if (process === undefined) return false;
      stage.launcher.stayAway(stage.machine(node), awayMs);
      process.crashAtRequest(count, how, at);
      return true;
    },
  }),

  /** The power of the house: what is on no disk is nowhere. */
  "crash all": fault<{ awayMs: readonly number[] }>({
    draw: (random, cast) => ({ awayMs: cast.nodes.map(() => drawAwayMs(random, cast)) }),
    inject(stage, { awayMs }) {
      for (const [at, machine] of stage.machines.entries()) crash(stage, machine, "power", awayMs[at] as number);
      return true;
    },
  }),

  /** As by SIGSTOP. */
  pause: fault<{ node: string; forMs: number }>({
    draw: (random, cast) => ({
      node: random.pick(cast.nodes),
      forMs: random.chance(0.2) ? random.between(...LONG_PAUSE_MS) : random.between(...PAUSE_MS),
    }),
    inject(stage, { node, forMs }) {
      const { process } = stage.machine(node);
      if (process === undefined) return false;
      process.pause();
      stage.after(forMs, () => process.resume());
      return true;
    },
  }),
};

/** Ends the node's process, if it has one, and says when the next comes. */
export function crash(stage: Stage, machine: Machine, how: CrashKind, awayMs: number): boolean {
  const { process } = machine;
  if (process === undefined) return false;
  stage.launcher.stayAway(machine, awayMs);
  process.crash(how);
  return true;
}
