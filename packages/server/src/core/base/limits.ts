/** Every bound of the store, with its reason. Sizes in bytes, times in milliseconds unless the name says otherwise. */

const KIB = 1024;
const MIB = 1024 * KIB;

// --- what clients may send
/** Longer keys make every index, cache and message pay for them. */
export const KEY_BYTES_MAX: number = 1 * KIB;
/** A value travels in one entry, one frame and one row. */
export const VALUE_BYTES_MAX: number = 8 * MIB;
/** Arguments of one command. */
export const COMMAND_ARGS_MAX = 16_384;
/** One command with all its arguments. */
export const COMMAND_BYTES_MAX: number = VALUE_BYTES_MAX + 64 * KIB;
/** Commands of one connection that wait for their replies; beyond it the connection is not read. */
export const CONNECTION_INFLIGHT_MAX = 4_096;
/** Bytes of replies that a client has not read yet; beyond it the connection is not read, ... */
export const CONNECTION_OUTPUT_BYTES_PAUSE: number = 1 * MIB;
/** ... and beyond this it is closed. */
export const CONNECTION_OUTPUT_BYTES_MAX: number = 64 * MIB;
/** Client connections of one node over all ports. */
export const CONNECTIONS_MAX = 10_000;

// --- entries and the Raft core
/** One entry packs the commands of one pass up to this size; a single larger command gets an entry of its own. */
export const ENTRY_BYTES_TARGET: number = 256 * KIB;
/** The largest entry: one command of the largest value. */
export const ENTRY_BYTES_MAX: number = COMMAND_BYTES_MAX + 4 * KIB;
/** Commands in one entry. */
export const ENTRY_COMMANDS_MAX = 4_096;
/** Commands (or bytes) that wait in one replica for a place in an entry; beyond it callers wait. */
export const REPLICA_PENDING_COMMANDS_MAX = 16_384;
export const REPLICA_PENDING_BYTES_MAX: number = 16 * MIB;
/** Proposed and not yet committed bytes of one group (raft-rs `max_uncommitted_size`). */
export const GROUP_UNCOMMITTED_BYTES_MAX: number = 16 * MIB;
/** Entries above applied that all groups of a node may hold in the Raft core: its memory never shrinks. */
export const NODE_RAFT_BYTES_MAX: number = 128 * MIB;
/** Append messages to one follower before it must answer (raft-rs `max_inflight_msgs`). */
export const RAFT_INFLIGHT_MESSAGES_MAX = 32;
/** Entries of one append message (raft-rs `max_size_per_msg`). */
export const RAFT_MESSAGE_BYTES_MAX: number = 256 * KIB;
/** ReadIndex rounds of one group under way at once. */
export const READ_ROUNDS_MAX = 2;

// --- time
export const TICK_MS = 50;
export const HEARTBEAT_TICKS = 2;
export const ELECTION_TICKS = 10;
/** A request without a leader waits so long before CLUSTERDOWN. */
export const LEADERLESS_HOLD_MS = 3_000;
/** A log write that takes longer makes the node hand its leaderships over, ... */
export const LOG_WRITE_SLOW_MS: number = TICK_MS * ELECTION_TICKS;
/** ... and one that takes this long ends the process: the disk hangs. */
export const LOG_WRITE_HANG_MS = 10_000;
/** Rank of a follower times this is its delay before it campaigns for a leader whose process is gone. */
export const FAILOVER_RANK_DELAY_MS = 50;

// --- the log
export const LOG_SEGMENT_BYTES: number = 64 * MIB;
/** One frame: everything one pass persists. */
export const LOG_FRAME_BYTES_MAX: number = 32 * MIB;
/** Entries are kept for slow replicas up to this much in all groups of a node. */
export const LOG_RETAINED_BYTES_MAX: number = 256 * MIB;
/** Idle time after which a seal frame marks the end of what was written. */
export const LOG_SEAL_IDLE_MS = 1_000;
/** Live entries of a group that a carry record may copy; a group with more is flushed and compacted first. */
export const LOG_CARRY_BYTES_MAX: number = 8 * MIB;

// --- the store
export const MEMTABLE_BYTES_MAX: number = 64 * MIB;
/** A flush begins when so much has changed, ... */
export const FLUSH_BYTES: number = 4 * MIB;
/** ... or when the oldest change is so old. */
export const FLUSH_AGE_MS = 200;
/** Rows put into an engine batch in one pass: converting them happens on the main thread. */
export const FLUSH_ROWS_PER_PASS = 500;
/** What a row costs in memory beyond its key and value. */
export const ROW_OVERHEAD_BYTES = 100;
export const ROW_CACHE_BYTES_DEFAULT: number = 64 * MIB;
/** Flush markers that must all be there when an engine is opened. */
export const FLUSH_MARKERS_KEPT = 64;
/** Below this much free disk a node refuses writes that add data; deletes still pass. */
export const DISK_RESERVE_BYTES: number = 128 * MIB;

// --- snapshots
export const SNAPSHOT_CHUNK_BYTES: number = 1 * MIB;
/** Chunks sent and not yet acknowledged. */
export const SNAPSHOT_WINDOW_CHUNKS = 4;

// --- sessions
export const SESSION_REPLIES_MAX = 1_024;
export const SESSION_REPLY_BYTES_MAX: number = 1 * MIB;
export const SESSIONS_PER_GROUP_MAX = 10_000;
/** A session unused for so long, by log time, is dropped. */
export const SESSION_IDLE_MS: number = 30 * 60 * 1000;

// --- peers
export const PEER_FRAME_BYTES_MAX: number = 32 * MIB;
/** Bytes queued for one peer; beyond it Raft messages to it are dropped (Raft sends them again). */
export const PEER_QUEUE_BYTES_MAX: number = 64 * MIB;
export const PEER_DIAL_MS = 1_000;
export const PEER_HANDSHAKE_MS = 2_000;
export const PEER_REDIAL_MS_MIN = 50;
export const PEER_REDIAL_MS_MAX = 1_000;
/** Requests forwarded to one peer and not yet answered. */
export const FORWARDS_INFLIGHT_MAX = 8_192;

// --- the cluster
export const NODES_MAX = 256;
export const GROUPS_PER_NODE_MAX = 4_096;
export const REPLICAS_PER_GROUP_MAX = 7;
