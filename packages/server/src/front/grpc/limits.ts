/** Bounds of the gRPC port, with their reasons. */
import { VALUE_BYTES_MAX } from "../../core/base/index.ts";

const MIB = 1024 * 1024;

/** For calls that bring no deadline of their own: longer than a node waits for a leader (3 s) and an election after it. */
export const DEADLINE_MS_DEFAULT = 5_000;
/** A timer cannot be set further ahead than 24 days; nobody waits a day for a key. */
export const DEADLINE_MS_MAX = 86_400_000;
/** After an error that says "not done, try again" the node is asked again so much later. */
export const RETRY_MS = 50;

/** Calls that the node works on at once. Beyond it, more at once only wait longer inside. */
export const INFLIGHT_DEFAULT = 1_024;
/** Their keys and values together: what is being written is held until it is on the disks. */
export const INFLIGHT_BYTES_MAX: number = 64 * MIB;
/** Calls that wait until one of those ends. Who comes after is turned away at once, instead of waiting in vain. */
export const WAITING_MAX = 4_096;
export const WAITING_BYTES_MAX: number = 64 * MIB;
/** Calls open on one connection; a client's library keeps further ones back by itself. */
export const STREAMS_PER_CONNECTION_MAX = 256;
/** A connection is asked for a sign of life so often, and given up when none comes: its client may be gone without a word. */
export const KEEPALIVE_MS = 20_000;
export const KEEPALIVE_ANSWER_MS = 10_000;
/** A value that is a little too large arrives and is refused in words; one beyond this is refused by gRPC itself. */
export const RECEIVE_BYTES_MAX: number = VALUE_BYTES_MAX + MIB;

/** Messages of health and reflection, which strangers may send: names of services and symbols. */
export const OPEN_MESSAGE_BYTES_MAX = 65_536;
/** Calls without a password that wait until the node has heard whether one is wanted. Further ones are turned away. */
export const STRANGERS_WAITING_MAX = 4_096;

/** Streams of `Health.Watch`; each keeps a timer going. */
export const WATCHERS_MAX = 1_024;
/** Between two looks at the node while somebody watches: readiness has no event, and who watches is not in a hurry. */
export const WATCH_MS = 500;
