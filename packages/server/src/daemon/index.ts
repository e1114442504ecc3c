/**
 * daemon: the lifecycle of processes.
 *
 * The cluster file and the bootstrap plan made from it, the identity of a data directory, one node's process from its
 * start to its end, and the launcher that keeps the nodes of a local cluster running. `compose.ts` builds a node out
 * of core, host and front; nothing else here knows what is inside a node.
 *
 * Invariants
 * - The bootstrap plan is a function of the cluster file without its addresses. Nodes whose files would make different
 *   plans have different cluster ids, so they never form a group together.
 * - A data directory is used by one process, and by the node and the cluster that it was made for. Its boot counter is
 *   durable before the node speaks to anyone, and never used twice.
 * - Nothing is written to a directory that is refused.
 * - An error nobody handled ends the process in the same step; it never runs on.
 * - Nodes end with their launcher, however that ends.
 *
 * It does not: decide who leads, move replicas, or change a cluster after its bootstrap.
 */
export {
  type ClusterFile,
  type ClusterFileNode,
  checkClusterFile,
  formatClusterFile,
  parseClusterFile,
} from "./cluster-file.ts";
export { Launcher } from "./launcher.ts";
export { type LocalCluster, openLocalCluster } from "./local-cluster.ts";
export { runNode } from "./node-process.ts";
export { checkPortsFree } from "./ports.ts";
export { onStopSignals } from "./stop-signals.ts";
export { EXIT_REFUSED } from "./supervision.ts";
