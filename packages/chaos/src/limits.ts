/** Every bound of the chaos program, with its reason. Milliseconds unless the name says otherwise. */

/** A started node says that it is ready: it recovers, finds the others and waits for leaders; on a busy machine, too. */
export const NODE_READY_MS_MAX = 60_000;
/** After the last fault every shard acknowledges a write within this: the promise that the program holds a cluster to. */
export const SERVES_AGAIN_MS_MAX = 30_000;
/** What clients wait for after they were told to stop: longer than the longest time-out of one, and a retry of it. */
export const CLIENTS_STOP_MS_MAX = 40_000;
/** Reading every key once at the end. */
export const FINAL_READS_MS_MAX = 60_000;
/** Histories that are not looked at within this time count as undecided. */
export const CHECK_MS_MAX = 60_000;
/** A node that is asked to stop stops: its own bounds (3 s for leaderships, 10 s for closing), and some. */
export const NODE_STOP_MS_MAX = 20_000;
/** After --minutes the whole ends within this, or the run failed: the sum of what follows the faults, and some. */
export const MARGIN_MS: number =
  NODE_READY_MS_MAX +
  SERVES_AGAIN_MS_MAX +
  CLIENTS_STOP_MS_MAX +
  FINAL_READS_MS_MAX +
  CHECK_MS_MAX +
  NODE_STOP_MS_MAX +
  30_000;

/** Operations of one key, after which another takes its place: what the checker decides at once. */
export const KEY_OPERATIONS_MAX = 300;
/** ... and those of them whose outcome is unknown: each doubles the orders in the worst case, ... */
export const KEY_UNKNOWN_MAX = 25;
/** ... and where writes do not simply overwrite (several keys, NX, XX), that case is the usual one. */
export const SLOT_UNKNOWN_MAX = 5;
/** Commands that a client which pipelines sends together. */
export const PIPELINE_MAX = 4;
/** A client whose command could not be sent waits so long, so that a dead node is not dialled in a circle. */
export const BACK_OFF_MS = 100;

/** A tmpfs with room for the reserve of a node (128 MiB), the log's retained entries (256 MiB), segments and rows. */
export const SMALL_DISK_BYTES: number = 768 * 1024 * 1024;
