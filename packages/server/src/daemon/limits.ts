/** Times and counts of process lifecycle, with their reasons. Milliseconds unless the name says otherwise. */
import { LOG_WRITE_HANG_MS } from "../core/base/index.ts";

// --- stopping one node
/** Handing leaderships over takes a few round trips; longer than this and an election elsewhere is quicker. */
export const HAND_OVER_MS_MAX = 3_000;
/** Closing flushes the memtable and seals the log; beyond this the disk hangs, and nothing acknowledged depends on it. */
export const CLOSE_MS_MAX = 10_000;
/**
 * A second signal ends the process at once, but npm and wrapper scripts deliver one Ctrl-C two or three times: what
 * follows the first signal this closely is the same wish.
 */
export const SAME_SIGNAL_MS = 500;
/** What the last lines of the log may take before the process exits. */
export const LOG_DRAIN_MS_MAX = 1_000;

// --- supervising nodes
/** A node's event loop says that it turns, ... */
export const HEARTBEAT_MS = 1_000;
/** ... and the launcher looks, so often. */
export const WATCH_MS = 1_000;
/**
 * Looks without a heartbeat after which a serving node counts as hanging and is killed. More than the time after
 * which a node gives up on its disk by itself, so that it can say so.
 */
export const SILENT_LOOKS_MAX: number = (LOG_WRITE_HANG_MS + 5_000) / WATCH_MS;
/** The same before the node is ready: recovery reads its log in one go. */
export const SILENT_LOOKS_STARTING_MAX: number = 120_000 / WATCH_MS;
/** Waits before the second, third, ... start in a row; the first start after a crash is immediate. */
export const RESTART_BACKOFF_MS: readonly number[] = [0, 500, 1_000, 2_000, 4_000, 8_000, 10_000];
/** A node that served so long has earned an immediate restart again. */
export const SERVED_WELL_MS = 10_000;
/** What a node may take to stop when all stop, before it is killed. Above its own bounds. */
export const STOP_MS_MAX: number = HAND_OVER_MS_MAX + CLOSE_MS_MAX + 2_000;

// --- logs of a node
export const LOG_FILE_BYTES_MAX: number = 10 * 1024 * 1024;
export const LOG_FILES_MAX = 5;

// --- asking nodes for their status
export const STATUS_TIMEOUT_MS = 2_000;
/** Longer than the status of the largest cluster: all nodes, and a line for each replica of each shard. */
export const STATUS_BYTES_MAX: number = 64 * 1024 * 1024;
