import type { CrashKind, Machine } from "../node/index.ts";
import { drawAwayMs, drawTwo, type Fault, fault, makeUnsound } from "./fault.ts";
import { crash } from "./process-faults.ts";

/** Nodes that come back elsewhere, or with nothing. Nodes are known by their ids and directories, not by addresses. */
export const addressFaults: Readonly<Record<string, Fault>> = {
  readdress: fault<{ node: string; how: CrashKind; awayMs: number }>({
    draw: (random, cast) => ({
      node: random.pick(cast.nodes),
      how: random.chance(0.5) ? "process" : "power",
      awayMs: drawAwayMs(random, cast),
    }),
    inject(stage, { node, how, awayMs }) {
      const machine = stage.machine(node);
      crash(stage, machine, how, awayMs);
      moveAway(machine);
      return true;
    },
  }),

  /** No node is where any other, or the cluster map, believes it to be. They find each other by their seeds. */
  "readdress all": fault<{ awayMs: readonly number[] }>({
    draw: (random, cast) => ({ awayMs: cast.nodes.map(() => drawAwayMs(random, cast)) }),
    inject(stage, { awayMs }) {
      for (const [at, machine] of stage.machines.entries()) {
        crash(stage, machine, "power", awayMs[at] as number);
        moveAway(machine);
      }
      return true;
    },
  }),

  /** Each is where the other was: what is meant for one reaches the other. */
  "swap addresses": fault<{ from: string; to: string; awayMs: number; otherAwayMs: number }>({
    draw(random, cast) {
      const two = drawTwo(random, cast);
      if (two === undefined) return undefined;
      return { ...two, awayMs: drawAwayMs(random, cast), otherAwayMs: drawAwayMs(random, cast) };
    },
    inject(stage, { from, to, awayMs, otherAwayMs }) {
      const [left, right] = [stage.machine(from), stage.machine(to)];
      crash(stage, left, "process", awayMs);
      crash(stage, right, "process", otherAwayMs);
      const [here, there] = [left.info.addresses.host, right.info.addresses.host];
      left.moveTo(there);
      right.moveTo(here);
      return true;
    },
  }),

  /** The disk is lost and replaced. Its node must be refused under its old name: it could vote a second time. */
  "empty disk": fault<{ node: string; awayMs: number }>({
    draw: (random, cast) => ({ node: random.pick(cast.nodes), awayMs: drawAwayMs(random, cast) }),
    inject(stage, { node, awayMs }) {
      const machine = stage.machine(node);
      // Beyond the budget, too: a majority of new directories is a new cluster, and nobody is there to know better.
      if (!makeUnsound(stage, machine, "minority")) return false;
      crash(stage, machine, "power", awayMs);
      machine.emptyDisk();
      return true;
    },
  }),
};

function moveAway(machine: Machine): void {
  machine.moveTo(`${machine.name}-${machine.moves + 1}`);
}
