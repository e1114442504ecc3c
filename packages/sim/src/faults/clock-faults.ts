import { type Fault, fault } from "./fault.ts";

const JUMP_MS = 20_000;

/** Clocks of machines. */
export const clockFaults: Readonly<Record<string, Fault>> = {
  /** What says the date; the steady clock never jumps. */
  "clock jumps": fault<{ node: string; byMs: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), byMs: random.between(-JUMP_MS, JUMP_MS) }),
    inject(stage, { node, byMs }) {
      stage.machine(node).clocks.wallOffsetMs += byMs;
      return true;
    },
  }),
};
