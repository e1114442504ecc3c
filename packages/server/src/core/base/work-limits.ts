/**
 * What commands may cost, in bytes looked at or copied (command/work.ts): a measure of time that is the same on every
 * replica. Sizes in bytes, times in milliseconds.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Bytes that a transaction's commands look at or copy, repeats counted: it is done in one go, on every replica, and a node that
 * is silent for an election's time (500 ms and more) loses its leaderships, to others that are asked for the same then.
 * Measured on a slow machine: 0.3 to 1.4 ns a byte, so 0.05 to 0.2 s, and twice that beside other work. Room for 16,384
 * commands of four arguments. Checked by every replica when it applies a write, so it is part of what the log means: never
 * change it alone.
 */
export const TRANSACTION_WORK_MAX: number = 144 * MIB;
/** What an argument costs beyond its bytes, in the same measure (0.9 us for finding a key, 2 us for parsing a number). */
export const WORK_PER_ARGUMENT_BYTES: number = 2 * KIB;
/** What a cell of LCS' table costs, in the same measure (10 to 20 ns: the table is made, and left to the collector). */
export const LCS_CELL_WORK_BYTES = 16;

// --- writes
/**
 * What the commands of one entry weigh together (`weightOf`): values that they look at and make, which are in memory at once
 * while it is applied, and what transactions do beyond that. An entry is applied in one go on every replica, and again
 * when a node starts, so one that takes all memory, or longer than a node may be silent, would be the end of its shard.
 * At most 0.1 to 0.4 s. The leader judges when it makes the entry, by the most that may be; a
 * row of which it knows nothing counts as one of the largest value, so an entry has 32 commands over such rows, as many as
 * one read of the engine asks for. A single command may weigh more: it has an entry of its own.
 */
export const ENTRY_WEIGHT_MAX: number = 256 * MIB;
/**
 * ... and all that a leader has proposed and not applied, but for one more: seconds of work. What is in the log is applied
 * before anything behind it, reads too, whoever still waits for it; what is not begun can be refused in time. Enough for 256
 * commands over rows of which nothing is known, which take longer to read than an entry to replicate.
 */
export const INFLIGHT_WEIGHT_MAX: number = 8 * ENTRY_WEIGHT_MAX;

// --- reads
/**
 * Reads that cost much have so long in a pass, those of all replicas together; at least one. Short, because a request of
 * anybody else waits for two or three passes.
 */
export const READ_PASS_MS = 10;
/** A read costs much from here on (command/work.ts: 0.02 to 0.1 ms), ... */
export const COSTLY_READ_WORK_BYTES: number = 64 * KIB;
/** ... and from so many arguments on it may: many keys. */
export const CHEAP_READ_ARGS_MAX: number = COSTLY_READ_WORK_BYTES / WORK_PER_ARGUMENT_BYTES;
/** A longer EXEC is not looked into before it runs: that would cost what others wait for. It counts by its length. */
export const EXEC_ESTIMATED_BYTES_MAX: number = 1 * KIB;
/** The shortest command with a key takes about 16 bytes there, and costs one argument or two. */
export const EXEC_WORK_PER_BYTE = 128;
/** One client's turn among those whose reads cost much: about 1 ms, or one read. */
export const READ_TURN_WORK_BYTES: number = 1 * MIB;
/**
 * Of reads that cost much, or stand behind one, a client has so much work on a node, about a second: what it does not wait
 * for any more is over soon then. Beyond it the connection asks again, when what came before is answered.
 */
export const CLIENT_READS_WORK_BYTES_MAX: number = 1024 * MIB;
/** Commands that connections answer themselves and that are not fast have so long in a pass; at least one is run. */
export const LOCAL_PASS_MS = 10;
/** The clock is looked at after so many reads that cost little. */
export const READS_PER_CLOCK_LOOK = 512;
