import type { NodeId } from "sherd/core/base";
import { drawTwo, type Fault, fault, type Stage } from "./fault.ts";

const PARTITION_MS = [50, 6_000] as const;

/** Links that carry nothing, in one direction or both, and connections that break. */
export const networkFaults: Readonly<Record<string, Fault>> = {
  isolate: fault<{ node: string; forMs: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), forMs: random.between(...PARTITION_MS) }),
    inject: (stage, { node, forMs }) => separate(stage, [node], forMs),
  }),

  "one way": fault<{ from: string; to: string; forMs: number }>({
    draw(random, cast) {
      const two = drawTwo(random, cast);
      return two === undefined ? undefined : { ...two, forMs: random.between(...PARTITION_MS) };
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
