/**
 * What INFO says of a node's shards, together: numbers of this process, not state, and they only grow. Replicas come and
 * go under them.
 */
export class KeyspaceCounts {
  /** Keys that reads answered here looked for and found. */
  hits = 0;
  /** And those that were not there, or had ended. */
  misses = 0;
  /** Keys that had ended and were removed or replaced, by entries that this node proposed: each is counted once. */
  expired = 0;
}
