/** A setting of Redis that changes nothing here. */
export interface RememberedSetting {
  readonly name: string;
  /** Redis' default. */
  readonly initial: string;
  /** What is wrong with a value. */
  readonly check: (text: string) => string | undefined;
}

const REMEMBERED_BYTES_MAX = 1_024;

const yesNo = (text: string): string | undefined =>
  /^(yes|no)$/i.test(text) ? undefined : "argument must be 'yes' or 'no'";
const integer = (text: string): string | undefined =>
  /^-?\d{1,18}$/.test(text) ? undefined : "argument couldn't be parsed into an integer";
const memory = (text: string): string | undefined =>
  /^\d{1,15}(b|k|kb|m|mb|g|gb)?$/i.test(text) ? undefined : "argument must be a memory value";
/** `900 1 300 10`: pairs of seconds and changes, or nothing. */
const savePoints = (text: string): string | undefined => {
  const words = text.split(" ").filter((word) => word !== "");
  const right = words.length % 2 === 0 && words.every((word) => /^\d{1,10}$/.test(word));
  return right && text.length <= REMEMBERED_BYTES_MAX ? undefined : "Invalid save parameters";
};

const EVENT_CLASSES = "g$lshzxetd";
const events = (text: string): string | undefined =>
  /^[Ag$lshzxeKEtmdn]{0,64}$/.test(text) ? undefined : "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";

/** In the order in which Redis gives them back: all classes are `A`. */
export function keyspaceEvents(text: string): string {
  const classes = Array.from(EVENT_CLASSES).filter((one) => text.includes(one) || text.includes("A"));
  const shown = classes.length === EVENT_CLASSES.length ? "A" : classes.join("");
  return (
    shown +
    Array.from("KEmn")
      .filter((one) => text.includes(one))
      .join("")
  );
}

const of = (check: RememberedSetting["check"], settings: Readonly<Record<string, string>>): RememberedSetting[] =>
  Object.entries(settings).map(([name, initial]) => ({ name, initial, check }));

/**
 * Knobs that clients, frameworks and operators' scripts turn: how Redis encodes, expires, frees and rewrites, and keyspace
 * notifications (frameworks ask for them when they start, and do without). None has anything to turn here.
 */
export const rememberedSettings: readonly RememberedSetting[] = [
  ...of(events, { "notify-keyspace-events": "" }),
  ...of(savePoints, { save: "" }),
  ...of(yesNo, {
    activedefrag: "no",
    activerehashing: "yes",
    "dynamic-hz": "yes",
    "latency-tracking": "yes",
    "lazyfree-lazy-eviction": "no",
    "lazyfree-lazy-expire": "no",
    "lazyfree-lazy-server-del": "no",
    "lazyfree-lazy-user-del": "no",
    "lazyfree-lazy-user-flush": "no",
    "no-appendfsync-on-rewrite": "no",
    rdbchecksum: "yes",
    rdbcompression: "yes",
    "stop-writes-on-bgsave-error": "yes",
  }),
  ...of(integer, {
    "active-expire-effort": "1",
    "auto-aof-rewrite-percentage": "100",
    "busy-reply-threshold": "5000",
    "hash-max-listpack-entries": "512",
    "hash-max-listpack-value": "64",
    "hash-max-ziplist-entries": "512",
    "hash-max-ziplist-value": "64",
    hz: "10",
    "lfu-decay-time": "1",
    "lfu-log-factor": "10",
    "list-compress-depth": "0",
    "list-max-listpack-size": "-2",
    "list-max-ziplist-size": "-2",
    "lua-time-limit": "5000",
    "maxmemory-samples": "5",
    "set-max-intset-entries": "512",
    "stream-node-max-entries": "100",
    "zset-max-listpack-entries": "128",
    "zset-max-listpack-value": "64",
    "zset-max-ziplist-entries": "128",
    "zset-max-ziplist-value": "64",
  }),
  ...of(memory, {
    "active-defrag-ignore-bytes": "104857600",
    "auto-aof-rewrite-min-size": "67108864",
    "hll-sparse-max-bytes": "3000",
    "stream-node-max-bytes": "4096",
  }),
];
