/** Every bound of the store, with its reason. Sizes in bytes, times in milliseconds unless the name says otherwise. */

const KIB = 1024;
const MIB = 1024 * KIB;

// --- what clients may send
/** Longer keys make every index, cache and message pay for them. */
export const KEY_BYTES_MAX: number = 1 * KIB;
/** A value travels in one entry, one frame and one row. */
export const VALUE_BYTES_MAX: number = 8 * MIB;
/**
 * Values of one reply together (MGET). It travels between nodes in one frame (PEER_FRAME_BYTES_MAX, which is twice this)
 * and is held for its client until that takes it.
 */
export const REPLY_BYTES_MAX: number = 16 * MIB;
/** Sources of one BITOP together: every replica combines them in one go. */
export const BITOP_BYTES_MAX: number = 4 * VALUE_BYTES_MAX;
/**
 * Values that one command, or one EXEC, needs in memory together: those of its keys whose bytes it looks at. Checked by
 * every replica when it applies a write, so it is part of what the log means: never change it alone.
 */
export const COMMAND_VALUES_BYTES_MAX: number = 64 * MIB;
/** Arguments of one command. */
export const COMMAND_ARGS_MAX = 16_384;
/** One command with all its arguments. */
export const COMMAND_BYTES_MAX: number = VALUE_BYTES_MAX + 64 * KIB;
/** Commands of one connection that wait for their replies; beyond it the connection is not read. */
export const CONNECTION_INFLIGHT_MAX = 4_096;
/** Bytes of replies that a client has not read yet; beyond it the connection is not read. */
export const CONNECTION_OUTPUT_BYTES_PAUSE: number = 1 * MIB;
/**
 * Bytes of values held for a client that asked for them faster than it takes them. What is beyond is not held but read
 * again when there is room. Two largest values fit: one arrives while the client takes the other.
 */
export const CONNECTION_OUTPUT_BYTES_MAX: number = 2 * (VALUE_BYTES_MAX + KIB);
/** Replies of all connections together that their clients have not read; beyond it the one with the most is closed. */
export const UNREAD_REPLIES_BYTES_MAX: number = 1024 * MIB;
/** How often they are added up: 10,000 connections in a millisecond. What arrives between two looks is beyond the limit. */
export const UNREAD_REPLIES_CHECK_MS = 250;
/** Client connections of one node over all ports. */
export const CONNECTIONS_MAX = 10_000;
/** Commands that have not arrived completely, of all connections together; beyond it a command that grows is refused. */
export const INPUT_BYTES_MAX: number = 256 * MIB;
/** So much of an incomplete command every connection may hold without asking: what one read of a socket brings. */
export const INPUT_BYTES_FREE: number = 64 * KIB;
/** An inline command (typed by hand) with its line end. */
export const INLINE_BYTES_MAX: number = 64 * KIB;
/** An argument that is too large is read past, so that the connection stays usable; beyond this it is closed. */
export const SKIPPED_BYTES_MAX: number = 512 * MIB;
/** The same for a command with too many arguments. */
export const SKIPPED_ARGS_MAX: number = 1024 * 1024;
/** A reply's value from this size on is given to the socket as it is; smaller ones are cheaper to copy together. */
export const REPLY_UNCOPIED_BYTES_MIN: number = 32 * KIB;
/** What a connection says about itself (name, library). */
export const CLIENT_NAME_BYTES_MAX = 256;

// --- clients: what CONFIG, CLIENT, SLOWLOG, LATENCY, MONITOR and WAIT may ask for
/** CONFIG SET timeout, tcp-keepalive: as Redis. */
export const CLIENT_TIMEOUT_SECONDS_MAX: number = 2 ** 31 - 1;
/** A socket that hears nothing is probed after so long: hosts that vanish must not keep connections. */
export const TCP_KEEPALIVE_SECONDS_DEFAULT = 300;
/** CLIENT PAUSE; an operator who forgets it finds the node working again after a month at most. */
export const CLIENT_PAUSE_MS_MAX: number = 31 * 24 * 60 * 60 * 1000;
/** How often connections are looked at for idle and slow ones: 10,000 in a fraction of a millisecond. */
export const CLIENTS_CHECK_MS = 1_000;
/**
 * While connections or memory for unfinished commands run short, a connection is closed whose unfinished command got fewer
 * than these bytes within this time: a client that can be served brings more.
 */
export const UNFINISHED_CHECK_MS = 10_000;
export const UNFINISHED_BYTES_MIN: number = 10 * KIB;
/** Short: so much of the connections, or of INPUT_BYTES_MAX, is taken. */
export const CLIENTS_SHORT_PART = 0.9;
/** Of one MONITOR that does not read what it asked for; beyond it is closed. */
export const MONITOR_OUTPUT_BYTES_MAX: number = 8 * MIB;
/** Of an argument, and about so much of a command, MONITOR shows; what is beyond is only counted. */
export const MONITOR_ARG_BYTES_MAX: number = 4 * KIB;
export const MONITOR_LINE_BYTES_MAX: number = 64 * KIB;
/** CONFIG SET slowlog-max-len; with the two below an entry takes 5 KiB at most. */
export const SLOWLOG_LENGTH_MAX = 10_000;
/**
 * Slow commands that SLOWLOG and LATENCY hear of: so many at once, and with each tick so many more. When a node has too
 * much to do all are slow, for the same reason, and telling of each would make them slower.
 */
export const SLOW_TOLD_MAX = 128;
export const SLOW_TOLD_PER_TICK = 8;
/** Arguments of an entry, ... */
export const SLOWLOG_ARGS_MAX = 32;
/** ... and bytes of each: as Redis. */
export const SLOWLOG_ARG_BYTES_MAX = 128;
/** Samples of an event, as Redis; names of events come from the code. */
export const LATENCY_SAMPLES_MAX = 160;
export const LATENCY_EVENTS_MAX = 32;
/** WAIT with a time-out of 0 (for ever, in Redis), or a longer one. */
export const WAIT_MS_MAX = 60_000;
/** DEBUG SLEEP: the node does nothing for so long. */
export const DEBUG_SLEEP_MS_MAX = 60_000;

// --- users and passwords
/** All users are one part of the cluster map, which every node has in memory and fetches as one message. */
export const USERS_MAX = 1_000;
export const USER_NAME_BYTES_MAX = 255;
/** Of one user: a pattern is looked at for every key of every command. */
export const USER_RULES_BYTES_MAX: number = 16 * KIB;
/** Names and rules of all users together. */
export const USERS_BYTES_MAX: number = 256 * KIB;
/** A password is hashed while others wait. */
export const PASSWORD_BYTES_MAX: number = 1 * KIB;
/** Changes of users that wait on a node for the one before them. */
export const USER_CHANGES_WAITING_MAX = 64;
/** What a client may send before it has said who it is, as in Redis: arguments of a command, ... */
export const STRANGER_ARGS_MAX = 10;
/** ... and bytes of one of them. */
export const STRANGER_ARG_BYTES_MAX: number = 16 * KIB;
/** So long after it came a client that has not said who it is makes room when connections run short. */
export const STRANGER_MS_MAX = 10_000;
/** Wrong passwords that a connection may offer; then it is closed. */
export const AUTH_FAILURES_MAX = 10;
/** Wrong passwords are counted and logged together once in this time. */
export const AUTH_LOG_MS = 10_000;
/** Refusals that ACL LOG remembers. */
export const ACL_LOG_ENTRIES_MAX = 128;

// --- transactions: they are one command of one entry
/** Commands between MULTI and EXEC. */
export const TRANSACTION_COMMANDS_MAX = 16_384;
/** The queued commands with their arguments and the watched keys. */
export const TRANSACTION_BYTES_MAX: number = COMMAND_BYTES_MAX - 1 * KIB;
/**
 * Bytes of values that its commands may ask for beyond what was sent (SETRANGE far behind the end). All commands of a
 * transaction are applied in one go, in memory.
 */
export const TRANSACTION_GROWTH_BYTES_MAX: number = 8 * VALUE_BYTES_MAX;
/** Values that the keys it writes have afterwards, together: COPY makes a large one out of a few bytes. */
export const TRANSACTION_WRITES_BYTES_MAX: number = 2 * COMMAND_VALUES_BYTES_MAX;
/** Keys that one connection watches at a time. */
export const TRANSACTION_WATCHED_MAX = 1_024;
/** Replies of one EXEC together: a session keeps them, in one row, as it keeps those of any write. */
export const TRANSACTION_REPLY_BYTES_MAX: number = 8 * MIB;
/**
 * Commands of one transaction that the node answers itself and that are not fast (INFO, COMMAND, CLUSTER SLOTS, ...): EXEC
 * runs them in one go, and nothing else meanwhile. Applications send one or two.
 */
export const TRANSACTION_NODE_ANSWERS_MAX = 128;
/** ... and what they answer together: a few bytes may ask for much. */
export const TRANSACTION_NODE_ANSWERS_BYTES_MAX: number = 8 * MIB;
/** What a queued argument that the node keeps itself takes beyond its bytes. */
export const TRANSACTION_ARGUMENT_OVERHEAD_BYTES = 100;

// --- pub/sub: messages are kept nowhere but in the output of those who read them
/** The name of a channel. As a key: with a longer one every pattern would cost more. */
export const CHANNEL_BYTES_MAX: number = KEY_BYTES_MAX;
/** A published message: it goes to other nodes in one frame. */
export const PUBLISHED_BYTES_MAX: number = VALUE_BYTES_MAX;
/** Channels, patterns and shard channels of one connection together. */
export const CONNECTION_SUBSCRIPTIONS_MAX = 16_384;
/** What the subscriptions of a node take in memory: their names, and ... */
export const SUBSCRIPTIONS_BYTES_MAX: number = 128 * MIB;
/** ... so much for each: its places in two maps. */
export const SUBSCRIPTION_OVERHEAD_BYTES = 200;
/** Names of all patterns of a node: each message is compared with every one of them, as far as its beginning fits. */
export const PATTERNS_BYTES_MAX: number = 1 * MIB;
/**
 * `Glob.searchBytes` of all patterns of a node: times the length of a channel, that is the worst that one message can
 * cost here, some tens of milliseconds. Patterns with their stars at the ends have none.
 */
export const PATTERNS_SEARCH_BYTES_MAX: number = 16 * KIB;
/** A subscriber that has so much of what it was sent unread is closed; so is ... */
export const SUBSCRIBER_UNREAD_BYTES_MAX: number = 32 * MIB;
/** ... one that has more than this ... */
export const SUBSCRIBER_UNREAD_BYTES_SOFT: number = 8 * MIB;
/** ... for so long. Redis' three numbers (`client-output-buffer-limit pubsub`). */
export const SUBSCRIBER_UNREAD_SOFT_MS = 60_000;
/** From so much on it is watched, ... */
export const SUBSCRIBER_UNREAD_BYTES_WATCHED: number = 64 * KIB;
/** ... and all that are watched may have so much together; beyond it the one with the most is closed. */
export const SUBSCRIBERS_UNREAD_BYTES_MAX: number = 256 * MIB;
/**
 * Bytes queued for a peer beyond which published messages to it are dropped: what Raft sends must not wait behind more
 * than that, and a channel promises nothing.
 */
export const PUBLISHED_QUEUE_BYTES_MAX: number = 8 * MIB;

// --- walks over the keys
/** Keys of one read of a shard: reading and converting their rows takes about 4 ms of the leader. */
export const KEY_PAGE_KEYS_MAX = 1_000;
/** ... and bytes of their rows, when those have to be read. */
export const KEY_PAGE_BYTES: number = 1 * MIB;
/** Pages that a node reads at a time. Each holds its rows, and begins with a walk over the memtable: 10 ms if that is full. */
export const KEY_PAGES_AT_ONCE_MAX = 4;
/** A slot with so few keys is given as a whole: then the cursor behind it needs no memory anywhere. */
export const SMALL_SLOT_KEYS = 128;
/** Steps of comparing keys with a pattern in one read of a shard: hostile patterns end it early. */
export const MATCH_STEPS_MAX = 500_000;
/** A pattern of SCAN or KEYS: eight times the longest key. */
export const PATTERN_BYTES_MAX: number = 8 * KIB;
/** Places within slots that a replica remembers for cursors, of a key each; the oldest give way. */
export const SCAN_PLACES_MAX = 4_096;
/** One SCAN ends with what it has after so many reads of shards, ... */
export const SCAN_READS_MAX = 64;
/** ... so many bytes of keys, ... */
export const SCAN_BYTES_MAX: number = 1 * MIB;
/** ... or so long. */
export const SCAN_MS = 1_000;
/** What KEYS and GETKEYSINSLOT hold for an answer, ... */
export const KEYS_BYTES_MAX: number = 32 * MIB;
/** ... with so much for each key beyond its bytes. SCAN has no such limit. */
export const KEYS_OVERHEAD_BYTES = 100;
/** KEYS of a whole cluster takes long: it is given up after this time. */
export const KEYS_MS_MAX = 30_000;
/** KEYS under way in one node; each may hold KEYS_BYTES_MAX. */
export const KEYS_AT_ONCE_MAX = 4;
/** Shards whose keys all turn out to have ended, before RANDOMKEY says that there is none. */
export const RANDOM_KEY_SHARDS_MAX = 16;
/** RANDOMKEY steps over so many keys of a slot at most, so in a larger one it draws among the first. */
export const RANDOM_KEY_STEPS_MAX = 10_000;

// --- entries and the Raft core
/** One entry packs the commands of one pass up to this size; a single larger command gets an entry of its own. */
export const ENTRY_BYTES_TARGET: number = 256 * KIB;
/** The largest entry: one command of the largest value. */
export const ENTRY_BYTES_MAX: number = COMMAND_BYTES_MAX + 4 * KIB;
/** Commands in one entry. */
export const ENTRY_COMMANDS_MAX = 4_096;
/** A replica applies entries for about so long in a pass, at least one; the rest in the next. */
export const APPLY_PASS_MS = 50;
/** Commands (or bytes) that wait in one replica for a place in an entry; beyond it callers wait. */
export const REPLICA_PENDING_COMMANDS_MAX = 16_384;
export const REPLICA_PENDING_BYTES_MAX: number = 16 * MIB;
/** Reads that one replica has taken and not answered; beyond it callers wait. */
export const REPLICA_PENDING_READS_MAX = 65_536;
/** Proposed and not yet committed bytes of one group (raft-rs `max_uncommitted_size`). */
export const GROUP_UNCOMMITTED_BYTES_MAX: number = 16 * MIB;
/** Entries above applied that all groups of a node may hold in the Raft core: its memory never shrinks. */
export const NODE_RAFT_BYTES_MAX: number = 128 * MIB;
/** Append messages to one follower before it must answer (raft-rs `max_inflight_msgs`). */
export const RAFT_INFLIGHT_MESSAGES_MAX = 32;
/** Entries of one append message (raft-rs `max_size_per_msg`). */
export const RAFT_MESSAGE_BYTES_MAX: number = 256 * KIB;
/** Committed entries of a group handed over in one exec: one that catches up must not fill a whole pass. */
export const RAFT_COMMITTED_BYTES_MAX: number = 4 * MIB;
/** ReadIndex rounds of one group under way at once. */
export const READ_ROUNDS_MAX = 2;

// --- time
export const TICK_MS = 50;
export const HEARTBEAT_TICKS = 2;
export const ELECTION_TICKS = 10;
/** Requests, and bytes of their arguments, that wait on a node for a leader or for room. */
export const WAITING_REQUESTS_MAX = 65_536;
export const WAITING_BYTES_MAX: number = 64 * MIB;
/** A proposed write or a read round without an answer for so long is answered with what is known. */
export const REQUEST_MS_MAX = 10_000;
/** A request without a leader waits so long before CLUSTERDOWN. */
export const LEADERLESS_HOLD_MS = 3_000;
/** A log write that takes longer makes the node hand its leaderships over, ... */
export const LOG_WRITE_SLOW_MS: number = TICK_MS * ELECTION_TICKS;
/** ... and one that takes this long ends the process: the disk hangs. */
export const LOG_WRITE_HANG_MS = 10_000;
/** Rank of a follower times this is its delay before it campaigns for a leader whose process is gone. */
export const FAILOVER_RANK_DELAY_MS = 50;

/** How often a leader looks whether another member should lead instead. */
export const LEADER_BALANCE_TICKS = 40;
/** How often leaders tell all nodes about their groups. */
export const HINT_TICKS = 10;
/** A node whose clock is further from the middle of its cluster's clocks does not lead. NTP keeps clocks within 0.1 s. */
export const CLOCK_OFFSET_MS_MAX = 5_000;
/** So many of a node's last messages are compared, to find the one that was not delayed. */
export const CLOCK_SAMPLES = 4;
/** A node must have been connected for so long before it is given leaderships. */
export const STEADY_MS = 2_000;
/** Calls of the Raft core in one pass: more work waits for the next, so that sockets get their turn. */
export const EXEC_ROUNDS_MAX = 64;

// --- complaints about what others do, in this node's own log
/** The same complaint about the same peer or client is logged once in this time. */
export const COMPLAINT_REPEAT_MS = 10_000;
/** Complaints that are remembered; as many as a cluster has nodes. */
export const COMPLAINT_KEYS_MAX = 256;

// --- the log
export const LOG_SEGMENT_BYTES: number = 64 * MIB;
/** One frame: everything one pass persists. */
export const LOG_FRAME_BYTES_MAX: number = 32 * MIB;
/** Entries are kept for slow replicas up to this much in all groups of a node. */
export const LOG_RETAINED_BYTES_MAX: number = 256 * MIB;
/**
 * ... and up to this much more for replicas that are sent a snapshot: without the entries behind it, it was in vain. A
 * transfer that takes longer than the disk can afford begins again.
 */
export const LOG_PINNED_BYTES_MAX: number = 1024 * MIB;
/** Idle time after which a seal frame marks the end of what was written. */
export const LOG_SEAL_IDLE_MS = 1_000;
/**
 * Live entries of a group that a carry record may copy: all that can be uncommitted, because a flush cannot shrink that.
 * A group with more is flushed first. Less than a frame.
 */
export const LOG_CARRY_BYTES_MAX: number = GROUP_UNCOMMITTED_BYTES_MAX + ENTRY_BYTES_MAX;
/** The owner of a group that holds back old segments is asked again after so long. */
export const LOG_PRESSURE_REPEAT_MS = 1_000;
/** A frame's buffer that grew beyond this is given back to the collector after its write. */
export const LOG_FRAME_BUFFER_BYTES_KEPT: number = 4 * MIB;
/** Bytes of other groups that one read of a group's entries passes over, rather than reading twice. */
export const LOG_READ_GAP_BYTES: number = 16 * KIB;
/** Disk reads of one `read`: more would keep the pool's threads from the log's own writes. */
export const LOG_READ_SPANS_MAX = 16;
/** One disk read of entries; a larger entry is read alone. */
export const LOG_READ_SPAN_BYTES: number = 1 * MIB;
/** Unused segment files kept at a start; more are deleted then, because deleting while serving costs 20 ms each. */
export const LOG_FREE_SEGMENTS_MAX = 4;

// --- the store
export const MEMTABLE_BYTES_MAX: number = 64 * MIB;
/** A flush begins when so much has changed, ... */
export const FLUSH_BYTES: number = 4 * MIB;
/** ... or when the oldest change is so old. */
export const FLUSH_AGE_MS = 200;
/** A shard's leader looks this often for keys that have ended and still take space. */
export const EXPIRY_SWEEP_MS = 1_000;
/** ... and this often from the first moment on, whatever it thinks to know. */
export const EXPIRY_FULL_SWEEP_MS = 60_000;
/** Keys that a leader removes at a time, at most once a tick: 10,000 a second for each shard on a machine that is not busy. */
export const EXPIRY_KEYS_PER_BATCH_MAX = 512;
/** On a machine that is. */
export const EXPIRY_KEYS_PER_BATCH_MIN = 16;
/** A batch that was applied for longer is followed by one of half its size: nobody else is served meanwhile. */
export const EXPIRY_BATCH_LONG_MS = 10;
/** A batch that took less is followed by one of twice its size. */
export const EXPIRY_BATCH_SHORT_MS = 4;
/** One shard of a node removes at a time; one whose batch is not over after so long does not keep the others from it. */
export const EXPIRY_TURN_MS_MAX = 10_000;
/** Rows put into an engine batch in one pass: converting them happens on the main thread. */
export const FLUSH_ROWS_PER_PASS = 500;
/** ... and so many bytes of them: large values are copied there, too. */
export const FLUSH_BYTES_PER_PASS: number = 1 * MIB;
/** What a key costs in memory beyond its bytes (measured: its cell, its place in a map, its string), ... */
export const KEY_OVERHEAD_BYTES = 200;
/** ... and what a value adds beyond its bytes: the row, a view, its share of a slab's waste. */
export const VALUE_OVERHEAD_BYTES = 200;
/** Payloads share slabs of this size, ... */
export const PAYLOAD_SLAB_BYTES: number = 64 * KIB;
/** ... unless they are larger than this: less than an eighth of a slab is wasted at its end. */
export const PAYLOAD_SHARED_BYTES_MAX: number = 8 * KIB;
export const ROW_CACHE_BYTES_DEFAULT: number = 64 * MIB;
/**
 * Numbered markers, one in each engine batch, that must all be there when an engine is opened. A damaged record of
 * LevelDB's own log is skipped silently at any place of it, and that log (16 MiB) holds thousands of small batches.
 */
export const FLUSH_MARKERS_KEPT = 4_096;
/**
 * What says, of keys that are new, that the engine need not be read for them: of all spaces of a node together. Enough for
 * about 25 million keys; a space whose filter may not grow has none from then on, and its rows are read.
 */
export const STORE_FILTERS_BYTES_MAX: number = 64 * MIB;
/** Of a full segment of a filter: about one key in a hundred that is not there is read all the same, for each segment. */
export const FILTER_BITS_PER_KEY = 10;
/** A space's first segment, taken with its first row; the next ones double. */
export const FILTER_SEGMENT_BYTES_MIN: number = 16 * KIB;
/**
 * Keys of one read of the engine; more wait for the next. Nobody knows beforehand how large the values are: with those of
 * the largest size all reads under way bring FETCH_BATCHES_INFLIGHT_MAX times as many.
 */
export const FETCH_KEYS_PER_BATCH_MAX = 32;
/** Reads of the engine under way at once for fetches; one when the last one was heavy. */
export const FETCH_BATCHES_INFLIGHT_MAX = 2;
/** A read that brought more than this is heavy; the next ones ask for so few keys that they should bring about so much. */
export const FETCH_BATCH_BYTES_TARGET: number = 2 * MIB;
/** A row of which only the head is needed keeps a value of up to this size in memory; a larger one is dropped. */
export const HEAD_VALUE_BYTES_MAX: number = 4 * KIB;
/**
 * Rows in memory beyond the cache's limit, because they are needed or could not be evicted yet. Above it only what is
 * needed first is read (see `Fetches`): at most COMMAND_VALUES_BYTES_MAX for a command, ENTRY_WEIGHT_MAX for an entry.
 */
export const FETCHED_BYTES_MAX: number = 256 * MIB;
/** Rows that the cache looks at in one pass when it is over its limit. */
export const EVICT_STEPS_PER_PASS = 2_000;
/** Rows of an abandoned space that are read at once: converting them happens on the main thread. */
export const CLEAR_ROWS_PER_PAGE = 500;
/** ... deleted in one batch, at most one a tick: 160,000 a second on a machine that has nothing else to do, ... */
export const CLEAR_ROWS_PER_BATCH_MAX: number = 16 * CLEAR_ROWS_PER_PAGE;
/** ... and 10,000 a second on one that has. */
export const CLEAR_ROWS_PER_BATCH_MIN: number = CLEAR_ROWS_PER_PAGE;
/** A batch that took longer, from its first page until it was durable, is followed by one of half its size, ... */
export const CLEAR_BATCH_LONG_MS = 40;
/** ... and one that took less by one of twice its size. */
export const CLEAR_BATCH_SHORT_MS = 15;
/** Length of a system row's name. */
export const SYSTEM_NAME_BYTES_MAX = 255;
/** Below this much free disk a node refuses writes that add data; deletes still pass. */
export const DISK_RESERVE_BYTES: number = 128 * MIB;

/** How often the free space is looked at. */
export const DISK_CHECK_MS = 1_000;

// --- sessions
export const SESSION_REPLIES_MAX = 1_024;
/** Of replies that a session keeps, when one more comes: that one may be as large as a value (GETDEL). */
export const SESSION_REPLY_BYTES_MAX: number = 1 * MIB;
export const SESSIONS_PER_GROUP_MAX = 10_000;
/** A session unused for so long, by log time, is dropped. */
export const SESSION_IDLE_MS: number = 30 * 60 * 1000;

// --- snapshots
export const SNAPSHOT_CHUNK_BYTES: number = 1 * MIB;
/** The largest chunk: it is full but for a byte when the largest row comes, that of a session with a large last reply. */
export const SNAPSHOT_CHUNK_BYTES_MAX: number =
  SNAPSHOT_CHUNK_BYTES + SESSION_REPLY_BYTES_MAX + VALUE_BYTES_MAX + 64 * KIB;
/** Rows read from the engine at once for a chunk: converting them happens on the main thread. */
export const SNAPSHOT_ROWS_PER_PAGE = 500;
/** Chunks sent and not yet acknowledged. */
export const SNAPSHOT_WINDOW_CHUNKS = 4;
/** Ticks without a sign of the other side after which a transfer is given up and begun again. */
export const SNAPSHOT_STALL_TICKS = 200;
/** While one side waits for its own disk (a flush, rows to be written), it tells the other so often that it is there, ... */
export const SNAPSHOT_SIGN_TICKS = 40;
/** ... for so long (10 minutes): an engine that never answers must not keep the node's only transfer for ever. */
export const SNAPSHOT_WORK_TICKS_MAX = 12_000;
/** Ticks within which a replica says whether it takes a snapshot: the question is one small message. */
export const SNAPSHOT_ASK_TICKS = 20;
/** A replica that did not take a snapshot is asked again after so many ticks, twice as many each time, ... */
export const SNAPSHOT_BACK_OFF_TICKS_MIN = 4;
/** ... up to these: what keeps it busy (another snapshot) may take minutes. */
export const SNAPSHOT_BACK_OFF_TICKS_MAX = 64;

// --- peers
/** The largest frame, and so the largest message, between nodes: an entry of the largest size fits with room. */
export const PEER_FRAME_BYTES_MAX: number = 32 * MIB;
/** Messages are gathered into one frame up to this size; a single larger one gets a frame of its own. */
export const PEER_FRAME_BYTES_TARGET: number = 1 * MIB;
/** What a connection may send before it has said who it is: all nodes with the longest names and hosts fit. */
export const PEER_HELLO_BYTES_MAX: number = 256 * KIB;
/** Bytes queued for one peer; beyond it Raft messages to it are dropped (Raft sends them again). */
export const PEER_QUEUE_BYTES_MAX: number = 64 * MIB;
export const PEER_DIAL_MS = 1_000;
export const PEER_HANDSHAKE_MS = 2_000;
export const PEER_REDIAL_MS_MIN = 50;
export const PEER_REDIAL_MS_MAX = 1_000;
/** Attempts without a pause after a link broke: a dying process may take the first and only then refuse. */
export const PEER_REDIALS_AT_ONCE = 3;
/** A seed that led to a node already connected is asked again so much later, while some node is missing. */
export const PEER_SEED_REDIAL_MS = 5_000;
/** An idle connection is asked for a sign of life so often, ... */
export const PEER_PING_MS = 1_000;
/**
 * ... and closed when nothing was heard for so long. Much longer than an election, which does not wait for it: it only
 * has to clear away connections to hosts that vanished, and must outlast a large frame on a slow network.
 */
export const PEER_SILENCE_MS = 5_000;
/** Accepted connections that have not yet said who they are; beyond it new ones are closed. */
export const PEER_HANDSHAKES_MAX = 256;
export const SEEDS_MAX = 64;
/** UTF-8 bytes of a node's name and of its host: one length byte in peer frames. */
export const NODE_NAME_BYTES_MAX = 255;
export const NODE_HOST_BYTES_MAX = 255;
/**
 * Forwarded commands of a shard of which none was answered for so long are sent again, writes in their session. A message
 * may be lost.
 */
export const FORWARD_RETRY_MS = 2_000;
/**
 * So is a read, when one that was sent so much later has its answer. Longer, because large answers wait for each other and
 * are passed by small ones.
 */
export const FORWARD_OVERTAKEN_MS = 5_000;
/** Bytes queued for a peer beyond which answers to it wait: Raft's messages use the same link. One value fits. */
export const ANSWERS_QUEUE_BYTES_MAX: number = VALUE_BYTES_MAX + 64 * KIB;
/** Answers from this size on wait for each other; smaller ones go before them, ... */
export const ANSWER_LARGE_BYTES_MIN: number = 64 * KIB;
/** ... as long as no more than this is queued: there is room for them behind a large one. */
export const ANSWERS_SMALL_QUEUE_BYTES_MAX: number = ANSWERS_QUEUE_BYTES_MAX + 4 * MIB;
/** After so many bytes of small ones a large one has its turn. */
export const ANSWERS_PASSED_BYTES_MAX: number = 16 * MIB;
/** Of answers that wait, to all peers together; what is beyond it is asked for again. */
export const ANSWERS_HELD_BYTES_MAX: number = 128 * MIB;
/** Requests that a node has forwarded, to all peers together, and that are not yet answered. */
export const FORWARDS_INFLIGHT_MAX = 8_192;

// --- the cluster
export const NODES_MAX = 256;
export const GROUPS_PER_NODE_MAX = 4_096;
export const REPLICAS_PER_GROUP_MAX = 7;
