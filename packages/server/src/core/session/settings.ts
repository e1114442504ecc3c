import {
  CLIENT_TIMEOUT_SECONDS_MAX,
  COMMAND_BYTES_MAX,
  CONNECTIONS_MAX,
  ELECTION_TICKS,
  type Glob,
  SLOWLOG_LENGTH_MAX,
  TCP_KEEPALIVE_SECONDS_DEFAULT,
  TICK_MS,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { keyspaceEvents, rememberedSettings } from "./remembered-settings.ts";
import type { ServerFacts } from "./types.ts";

/** Why a value is not taken; the end of the error reply. */
type Problem = string;

type NumberField =
  | "timeoutSeconds"
  | "tcpKeepaliveSeconds"
  | "clientsMax"
  | "slowlogSlowerThanUs"
  | "slowlogLength"
  | "latencyThresholdMs";

/** One setting as CONFIG shows it. */
interface Setting {
  readonly name: string;
  get(): string;
  /** Looks at a value and changes nothing. What it returns puts the value in force. */
  accept(text: string): Problem | (() => void);
}

/**
 * What CONFIG GET and SET know: settings that take effect at once, facts that cannot be changed, and Redis' knobs that have
 * no meaning here and are only remembered. All of it is this node's and lasts until it stops.
 */
export class Settings {
  /** Idle clients are closed after so long; 0: never. */
  timeoutSeconds = 0;
  /** Of the sockets that are accepted from now on; 0: none. */
  tcpKeepaliveSeconds: number = TCP_KEEPALIVE_SECONDS_DEFAULT;
  clientsMax: number = CONNECTIONS_MAX;
  /** Commands that take longer go to the slow log; -1: none. */
  slowlogSlowerThanUs = 10_000;
  slowlogLength = 128;
  /** What takes at least so long is an event of LATENCY; 0: nothing. */
  latencyThresholdMs = 0;
  /** INFO latencystats. */
  percentiles: readonly number[] = [50, 99, 99.9];
  readonly #byName: ReadonlyMap<string, Setting>;
  readonly #onChange: () => void;

  constructor(facts: ServerFacts, onChange: () => void) {
    this.#onChange = onChange;
    const all = [...this.#live(), ...fixedSettings(facts), ...rememberedSettings.map(remembered)];
    this.#byName = new Map(all.sort((left, right) => (left.name < right.name ? -1 : 1)).map((one) => [one.name, one]));
  }

  /** Those that one of the patterns matches, by name. */
  matching(patterns: readonly Glob[]): (readonly [name: string, value: string])[] {
    const found: (readonly [string, string])[] = [];
    for (const { name, get } of this.#byName.values()) {
      if (patterns.some((pattern) => pattern.matches(name))) found.push([name, get()]);
    }
    return found;
  }

  /** All of them or none. What is wrong with the first that is not taken; undefined: all are in force. */
  set(pairs: readonly (readonly [name: string, value: string])[]): Problem | undefined {
    const changes: (() => void)[] = [];
    const seen = new Set<string>();
    for (const [given, value] of pairs) {
      const name = given.toLowerCase();
      const setting = this.#byName.get(name);
      if (setting === undefined) return `Unknown option or number of arguments for CONFIG SET - '${given}'`;
      const change = seen.has(name) ? "duplicate parameter" : setting.accept(value);
      if (typeof change === "string") {
        return `CONFIG SET failed (possibly related to argument '${name}') - ${change}`;
      }
      seen.add(name);
      changes.push(change);
    }
    for (const change of changes) change();
    this.#onChange();
    return undefined;
  }

  #live(): Setting[] {
    const number = (name: string, [least, most]: readonly [number, number], field: NumberField): Setting => ({
      name,
      get: () => String(this[field]),
      accept: (text) => {
        if (!/^-?\d{1,19}$/.test(text)) return "argument couldn't be parsed into an integer";
        const value = Number(text);
        if (value < least || value > most) return `argument must be between ${least} and ${most} inclusive`;
        return () => void (this[field] = value);
      },
    });
    const timeout: readonly [number, number] = [0, CLIENT_TIMEOUT_SECONDS_MAX];
    return [
      number("timeout", timeout, "timeoutSeconds"),
      number("tcp-keepalive", timeout, "tcpKeepaliveSeconds"),
      number("maxclients", [1, CONNECTIONS_MAX], "clientsMax"),
      number("slowlog-log-slower-than", [-1, Number.MAX_SAFE_INTEGER], "slowlogSlowerThanUs"),
      number("slowlog-max-len", [0, SLOWLOG_LENGTH_MAX], "slowlogLength"),
      number("latency-monitor-threshold", [0, Number.MAX_SAFE_INTEGER], "latencyThresholdMs"),
      {
        name: "latency-tracking-info-percentiles",
        get: () => this.percentiles.join(" "),
        accept: (text) => {
          const parts = text.split(" ").filter((part) => part !== "");
          if (
            parts.length > PERCENTILES_MAX ||
            !parts.every((part) => /^\d{1,3}(\.\d{1,6})?$/.test(part) && Number(part) <= 100)
          ) {
            return "argument must be numbers between 0.0 and 100.0, at most 16, with spaces between";
          }
          return () => void (this.percentiles = parts.map(Number));
        },
      },
    ];
  }
}

const PERCENTILES_MAX = 16;

/** What CONFIG can not change; `SET` of the same value is taken, because scripts make sure of what they need. */
function fixedSettings(facts: ServerFacts): Setting[] {
  const fixed = (name: string, value: string, why: string): Setting => ({
    name,
    get: () => value,
    accept: (text) =>
      text.toLowerCase() === value.toLowerCase() ? () => {} : `can't be set to '${shown(text)}': ${why}`,
  });
  const onMajority = "every acknowledged write is synced on a majority's disks, always";
  const notEvicted = "keys are on disk and never evicted; the size of the row cache is given when the node starts";
  const atStart = "it is given when the node starts";
  const aLimit = "it is a constant of this version";
  return [
    fixed("appendfsync", "always", onMajority),
    fixed("appendonly", "yes", onMajority),
    fixed("client-query-buffer-limit", String(COMMAND_BYTES_MAX), aLimit),
    fixed("cluster-enabled", "yes", "every node is part of a cluster"),
    fixed("cluster-node-timeout", String(TICK_MS * ELECTION_TICKS), aLimit),
    fixed("cluster-require-full-coverage", "no", "a shard without a leader does not keep others from serving"),
    fixed("databases", "1", "there is one database, as in Redis Cluster"),
    fixed("dir", facts.directory, atStart),
    fixed("enable-debug-command", facts.debugCommand, atStart),
    fixed("io-threads", "1", aLimit),
    fixed("maxmemory", "0", notEvicted),
    fixed("maxmemory-clients", "0", "buffers of clients have limits of their own; see INFO sherd"),
    fixed("maxmemory-policy", "noeviction", notEvicted),
    fixed("min-replicas-to-write", "0", onMajority),
    fixed("proto-max-bulk-len", String(VALUE_BYTES_MAX), aLimit),
  ];
}

/** Without effect: whoever sets it gets it back. */
function remembered({ name, initial, check }: (typeof rememberedSettings)[number]): Setting {
  let value = initial;
  return {
    name,
    get: () => value,
    accept: (text) => {
      const problem = check(text);
      if (problem !== undefined) return problem;
      return () => void (value = name === "notify-keyspace-events" ? keyspaceEvents(text) : text);
    },
  };
}

const SHOWN_CHARACTERS_MAX = 64;
const shown = (text: string): string => text.slice(0, SHOWN_CHARACTERS_MAX);
