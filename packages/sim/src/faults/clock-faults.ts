import { type Fault, fault } from "./fault.ts";

const JUMP_MS = 20_000;
const FAR_MS = 3_600_000;
/** Worse than any oscillator, as good as some virtual machines. */
const RATE = [0.7, 1.4] as const;

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

  /** As when somebody corrects the time zone or a battery is empty. */
  "clock jumps far": fault<{ node: string; byMs: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), byMs: random.between(-FAR_MS, FAR_MS) }),
    inject(stage, { node, byMs }) {
      stage.machine(node).clocks.wallOffsetMs += byMs;
      return true;
    },
  }),

  /** Both clocks run too fast or too slow from now on, and with them everything that the node counts in ticks. */
  "clock drifts": fault<{ node: string; rate: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), rate: random.between(...RATE) }),
    inject(stage, { node, rate }) {
      stage.machine(node).setClockRate(rate);
      return true;
    },
  }),
};
