import type { NodeId } from "sherd/core/base";
import type { Random } from "../world/index.ts";
import { drawTwo, type Fault, fault, type Stage } from "./fault.ts";

const PARTITION_MS = [50, 5_000] as const;
/** Longer than peers wait for a silent connection. */
const LONG_PARTITION_MS = [5_000, 15_000] as const;

const drawPartitionMs = (random: Random): number =>
  random.chance(0.2) ? random.between(...LONG_PARTITION_MS) : random.between(...PARTITION_MS);

/** Links that carry nothing, in one direction or both, and connections that break. */
export const networkFaults: Readonly<Record<string, Fault>> = {
  isolate: fault<{ node: string; forMs: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), forMs: drawPartitionMs(random) }),
    inject: (stage, { node, forMs }) => separate(stage, [node], forMs),
  }),

  /** Two sides, of any sizes: the larger has a majority of most groups. */
  split: fault<{ side: readonly string[]; forMs: number }>({
    draw(random, { nodes }) {
      const side = nodes.filter(() => random.chance(0.5));
      return { side, forMs: drawPartitionMs(random) };
    },
    inject: (stage, { side, forMs }) => separate(stage, side, forMs),
  }),

  /** Every node is alone. */
  "partition all": fault<{ forMs: number }>({
    draw: (random) => ({ forMs: drawPartitionMs(random) }),
    inject(stage, { forMs }) {
      for (const { name } of stage.machines) separate(stage, [name], forMs);
      return stage.machines.length > 1;
    },
  }),

  /** Everything takes longer, and more so the more there is. */
  "slow link": fault<{ from: string; to: string; addedMs: number; bytesPerMs: number; forMs: number }>({
    draw(random, cast) {
      const two = drawTwo(random, cast);
      if (two === undefined) return undefined;
      const addedMs = random.pick([20, 200, 800]);
      return { ...two, addedMs, bytesPerMs: random.pick([5, 50, 1_000]), forMs: drawPartitionMs(random) };
    },
    inject({ machine, network, after }, { from, to, addedMs, bytesPerMs, forMs }) {
      const way = [machine(from).info.id, machine(to).info.id] as const;
      network.slow(...way, addedMs, bytesPerMs);
      after(forMs, () => network.slow(...way, 0, Number.POSITIVE_INFINITY));
      return true;
    },
  }),

  "one way": fault<{ from: string; to: string; forMs: number }>({
    draw(random, cast) {
      const two = drawTwo(random, cast);
      return two === undefined ? undefined : { ...two, forMs: drawPartitionMs(random) };
    },
    inject(stage, { from, to, forMs }) {
      const ids = [stage.machine(from).info.id, stage.machine(to).info.id] as const;
      stage.network.block(...ids);
      stage.after(forMs, () => stage.network.unblock(...ids));
      return true;
    },
  }),

  /** A connection breaks and may be made again at once. */
  cut: fault<{ from: string; to: string }>({
    draw: drawTwo,
    inject: (stage, { from, to }) => stage.network.cut(stage.machine(from).info.id, stage.machine(to).info.id),
  }),
};

/** These nodes reach each other and no others, and are reached by no others. */
function separate({ network, machines, after }: Stage, side: readonly string[], forMs: number): boolean {
  const ways: (readonly [NodeId, NodeId])[] = [];
  for (const here of machines.filter(({ name }) => side.includes(name))) {
    for (const there of machines.filter(({ name }) => !side.includes(name))) {
      ways.push([here.info.id, there.info.id], [there.info.id, here.info.id]);
    }
  }
  for (const way of ways) network.block(...way);
  after(forMs, () => {
    for (const way of ways) network.unblock(...way);
  });
  return ways.length > 0;
}
