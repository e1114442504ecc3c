import { drawAwayMs, type Fault, fault } from "./fault.ts";
import { crash } from "./process-faults.ts";

const SHUTDOWN_MS = [1, 800] as const;

/**
 * What people do to a cluster that runs. Not faults, but they must be as harmless at any moment; they are drawn and left
 * out as faults are. The place for changed membership and moved slots.
 */
export const operatorActions: Readonly<Record<string, Fault>> = {
  /** The node gives away what it leads. `heir`: the how manieth of the other members, as far as there are. */
  "transfer leader": fault<{ node: string; heir: number }>({
    draw: (random, { nodes }) => ({ node: random.pick(nodes), heir: random.below(nodes.length) }),
    inject(stage, { node: name, heir }) {
      const { process, node } = stage.machine(name);
      if (node === undefined) return false;
      process?.run(() => {
        for (const replica of node.replicas()) {
          if (!replica.leads) continue;
          const others = node.raft.progress(replica.group).filter(({ peer }) => peer !== replica.id);
          const to = others[heir % Math.max(1, others.length)];
          if (to !== undefined) node.raft.transferLeader(replica.group, to.peer);
        }
        node.env.requestPass();
      });
      return true;
    },
  }),

  /** As by SIGTERM: hands over what it leads, then ends. */
  shutdown: fault<{ node: string; withinMs: number; awayMs: number }>({
    draw: (random, cast) => ({
      node: random.pick(cast.nodes),
      withinMs: random.between(...SHUTDOWN_MS),
      awayMs: drawAwayMs(random, cast),
    }),
    inject(stage, { node, withinMs, awayMs }) {
      const machine = stage.machine(node);
      const { process } = machine;
      if (process === undefined || machine.node === undefined) return false;
      process.run(() => machine.node?.handOver());
      stage.after(withinMs, () => {
        if (process === machine.process) crash(stage, machine, "process", awayMs);
      });
      return true;
    },
  }),
};
