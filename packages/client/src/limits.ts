/** Every bound of the client, with its reason. Times in milliseconds. All but the last two are defaults that options change. */

/** A node on the same network answers a dial in far less; longer only delays the try at another node. */
export const CONNECT_TIMEOUT_MS = 5_000;
/**
 * Silence while replies are owed. Longer than a node holds a request that waits for a leader (3 s) and than two elections,
 * so that giving up means that the node or the network is gone.
 */
export const REPLY_TIMEOUT_MS = 15_000;
/** Commands of one connection that wait for their replies. The node stops reading a connection at the same number. */
export const INFLIGHT_MAX = 4_096;
/** Bytes given to a connection that the peer has not taken yet: a few of the largest values (8 MiB). */
export const UNSENT_BYTES_MAX: number = 64 * 1024 * 1024;
/** MOVED and ASK that one command follows before it waits. More means that nodes disagree about a slot for the moment. */
export const REDIRECTS_MAX = 5;
/** How long a command that was certainly not done is tried again: several failovers, and a client that notices an outage. */
export const RETRY_MS_MAX = 10_000;
/** Wait before the first retry, doubled at each further one ... */
export const RETRY_DELAY_MS_MIN = 25;
/** ... up to this. */
export const RETRY_DELAY_MS_MAX = 400;
/** Commands of one `ClusterConnections` that have no answer yet, those that wait for a retry included. */
export const COMMANDS_MAX = 16_384;
/** A node that does not tell the slots within this time is skipped for the next one. */
export const REFRESH_TIMEOUT_MS = 1_000;
/** A map younger than this is not fetched again: a thousand MOVED in one moment ask once. */
export const REFRESH_INTERVAL_MS_MIN = 50;
