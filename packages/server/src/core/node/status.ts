import type { Node } from "./node.ts";
import type { GroupStatus, NodeStatus } from "./types.ts";

/** What `sherd status` and /readyz report. Ready: every group here runs and has a leader, and clients are let in. */
export function nodeStatus(node: Node, name: string, numbers: Readonly<Record<string, number>>): NodeStatus {
  const groups: GroupStatus[] = [];
  for (const replica of node.replicas()) {
    const leader = replica.leader === 0 ? undefined : node.nodeOf(replica.group, replica.leader);
    groups.push({
      group: replica.group,
      replica: replica.id,
      role: replica.role,
      term: replica.term,
      leader,
      applied: replica.applied,
      commit: node.hardState(replica.group).commit,
      lastIndex: node.log.last(replica.group),
      keys: replica.machine.keys,
      stopped: replica.stopped?.message,
    });
  }
  const peers = [...node.map.nodes.keys()]
    .filter((peer) => peer !== node.id)
    .map((peer) => ({ node: peer, up: node.isUp(peer) }));
  const led = groups.every((group) => group.leader !== undefined && group.stopped === undefined);
  const reachable = node.map.shards.every((shard) => {
    const leader = node.leaderOf(shard.group);
    return leader !== undefined && node.isUp(leader.node);
  });
  return {
    id: node.id,
    name,
    ready: led && reachable && node.mapIsCurrent,
    mapVersion: node.map.version,
    groups,
    peers,
    numbers: {
      ...numbers,
      raft_memory_bytes: node.raft.memoryBytes,
      log_retained_bytes: node.log.retainedBytes,
      store_memtable_bytes: node.store.stats.memtableBytes,
      store_cache_bytes: node.store.stats.cacheBytes,
      store_cache_bytes_peak: node.store.stats.cacheBytesPeak,
      store_pinned_bytes: node.store.stats.pinnedBytes,
      store_filters_bytes: node.store.stats.filtersBytes,
      store_cache_hits: node.store.stats.cacheHits,
      store_cache_misses: node.store.stats.cacheMisses,
      store_flushes: node.store.stats.flushes,
      store_flushed_rows: node.store.stats.flushedRows,
    },
  };
}
