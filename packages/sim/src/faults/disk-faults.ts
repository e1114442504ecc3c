import type { Machine } from "../node/index.ts";
import { drawAwayMs, type Fault, fault, makeUnsound, type Stage } from "./fault.ts";

/** Shorter and longer than an election, and longer than what a node takes for a disk that will never answer (10 s). */
const HANG_MS = [50, 4_000] as const;
const LONG_HANG_MS = [4_000, 14_000] as const;
const SLOW_MS = [500, 10_000] as const;
const FULL_MS = [500, 8_000] as const;
const KIB = 1024;
/** Less than the reserve at which a node stops taking data, more than it needs to go on. */
const NEARLY_FULL_BYTES = 100 * KIB * KIB;
const NO_ROOM_BYTES = 64 * KIB;
/** Directory of the log on a simulated disk. */
const LOG = "log";

/** Disks that are slow, full, refuse, or do not keep what they took. */
export const diskFaults: Readonly<Record<string, Fault>> = {
  "disk hangs": fault<{ node: string; forMs: number }>({
    draw: (random, { nodes }) => ({
      node: random.pick(nodes),
      forMs: random.chance(0.2) ? random.between(...LONG_HANG_MS) : random.between(...HANG_MS),
    }),
    inject(stage, { node, forMs }) {
      const machine = stage.machine(node);
      machine.disk.hang();
      stage.after(forMs, () => machine.resumeDisk());
      return true;
    },
  }),

  "disk slow": fault<{ node: string; times: number; forMs: number }>({
    draw: (random, { nodes }) => ({
      node: random.pick(nodes),
      times: random.pick([10, 100, 1_000]),
      forMs: random.between(...SLOW_MS),
    }),
    inject(stage, { node, times, forMs }) {
      const { disk } = stage.machine(node);
      disk.slowFactor = times;
      stage.after(forMs, () => {
        disk.slowFactor = 1;
      });
      return true;
    },
  }),

  /** `bytes`: the room that is left. */
  "disk full": fault<{ node: string; bytes: number; forMs: number }>({
    draw: (random, { nodes }) => ({
      node: random.pick(nodes),
      bytes: random.chance(0.4) ? NEARLY_FULL_BYTES : random.below(NO_ROOM_BYTES),
      forMs: random.between(...FULL_MS),
    }),
    inject(stage, { node, bytes, forMs }) {
      const { disk } = stage.machine(node);
      disk.capacityBytes = disk.usedBytes() + bytes;
      stage.after(forMs, () => {
        disk.capacityBytes = Number.POSITIVE_INFINITY;
      });
      return true;
    },
  }),

  "disk write fails": failure("write"),
  "disk read fails": failure("read"),

  "bit flips in the log": fault<{ node: string; bits: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), bits: random.pick([1, 1, 3, 20]) }),
    inject: (stage, { node, bits }, random) =>
      damage(stage, node, ({ disk }) => {
        let flipped = false;
        for (let bit = 0; bit < bits; bit += 1) flipped = disk.flipOldBit(LOG, () => random.u32()) || flipped;
        return flipped;
      }),
  }),

  "bit flips in rows": fault<{ node: string; bits: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), bits: random.pick([1, 1, 3, 20]) }),
    inject: (stage, { node, bits }, random) =>
      damage(stage, node, (machine) => {
        let flipped = false;
        for (let bit = 0; bit < bits; bit += 1) flipped = machine.flipRowBit(random) || flipped;
        return flipped;
      }),
  }),

  "write misdirected": fault<{ node: string }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes) }),
    inject: (stage, { node }, random) =>
      damage(stage, node, ({ disk }) => {
        disk.misdirectNextWrite(() => random.u32());
        return true;
      }),
  }),
};

/** The next request of that kind fails, of the log or of the engine. */
function failure(what: "read" | "write"): Fault {
  return fault<{ node: string; awayMs: number }>({
    draw: (random, cast) => ({ node: random.pick(cast.nodes), awayMs: drawAwayMs(random, cast) }),
    inject(stage, { node, awayMs }) {
      const machine = stage.machine(node);
      machine.disk.failNext[what] = true;
      stage.launcher.stayAway(machine, awayMs);
      return true;
    },
  });
}

/** Breaks a disk that the budget allows to break. */
function damage(stage: Stage, node: string, break_: (machine: Machine) => boolean): boolean {
  const machine = stage.machine(node);
  return makeUnsound(stage, machine) && break_(machine);
}
