import { inGroup, type MetricDefinition } from "./metric.ts";

const { gauge, counter, histogram } = inGroup("Storage");

export const STORAGE: readonly MetricDefinition[] = [
  histogram(
    "sherd_log_sync_duration_seconds",
    "How long each write to the log took until it was durable.",
    ({ node }) => node.log.syncs,
  ),
  counter("sherd_log_written_bytes_total", "Bytes written to the log.", ({ node }) => node.log.writtenBytes),
  counter("sherd_log_entries_total", "Entries written to the log.", ({ node }) => node.log.entries),
  gauge("sherd_log_retained_bytes", "Bytes of the log that are still needed.", ({ node }) => node.logRetainedBytes),
  gauge("sherd_memtable_bytes", "Changed rows that are not in the engine yet.", ({ node }) => node.store.memtableBytes),
  gauge(
    "sherd_cache_bytes",
    "Rows that are kept in memory and also in the engine.",
    ({ node }) => node.store.cacheBytes,
  ),
  gauge(
    "sherd_pinned_bytes",
    "Values that commands hold in memory, or wait for, while their rows are read.",
    ({ node }) => node.store.pinnedBytes,
  ),
  gauge(
    "sherd_store_filters_bytes",
    "What says of new keys that the engine need not be read for them.",
    ({ node }) => node.store.filtersBytes,
  ),
  counter(
    "sherd_cache_hits_total",
    "Reads of rows that were answered from memory.",
    ({ node }) => node.store.cacheHits,
  ),
  counter("sherd_cache_misses_total", "Rows read from the engine.", ({ node }) => node.store.cacheMisses),
  counter("sherd_flushes_total", "Flushes of changed rows to the engine.", ({ node }) => node.store.flushes),
  counter("sherd_flushed_rows_total", "Rows that flushes took to the engine.", ({ node }) => node.store.flushedRows),
  histogram(
    "sherd_engine_write_duration_seconds",
    "How long each batch of the engine took, from its first row until it was durable: flushes, snapshots, clearing.",
    ({ node }) => node.store.engineWrites,
  ),
  counter(
    "sherd_engine_written_bytes_total",
    "Keys and values given to the engine.",
    ({ node }) => node.store.engineWrittenBytes,
  ),
];
