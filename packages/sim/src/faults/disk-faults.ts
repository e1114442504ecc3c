import { drawAwayMs, type Fault, fault } from "./fault.ts";

const HANG_MS = [50, 4_000] as const;

/** Disks that are slow, refuse, or do not keep what they took. */
export const diskFaults: Readonly<Record<string, Fault>> = {
  "disk hangs": fault<{ node: string; forMs: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), forMs: random.between(...HANG_MS) }),
    inject(stage, { node, forMs }) {
      const machine = stage.machine(node);
      machine.disk.hang();
      stage.after(forMs, () => machine.resumeDisk());
      return true;
    },
  }),

  "disk write fails": fault<{ node: string; awayMs: number }>({
    draw: (random, cast) => ({ node: random.pick(cast.nodes), awayMs: drawAwayMs(random, cast) }),
    inject(stage, { node, awayMs }) {
      const machine = stage.machine(node);
      machine.disk.failNextWrite = true;
      machine.mayEndWith.add("SHERD_DISK_WRITE_FAILED");
      stage.launcher.stayAway(machine, awayMs);
      return true;
    },
  }),
};
