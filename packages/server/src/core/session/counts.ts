import { CommandStatistics } from "./command-statistics.ts";
import type { Connections } from "./connections.ts";

/** Numbers of INFO that CONFIG RESETSTAT begins again. */
export interface Counts {
  readonly accepted: number;
  readonly rejected: number;
  readonly commands: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly closedIdle: number;
  readonly closedSlow: number;
  readonly closedUnread: number;
  readonly keyspaceHits: number;
  readonly keyspaceMisses: number;
  readonly expiredKeys: number;
}

/**
 * CONFIG RESETSTAT is for those who read INFO: what is counted goes on growing, because Prometheus takes a counter that
 * went back for a node that was started again. So what the counts were is noted, and INFO says how far they are from it.
 */
export class ResettableCounts {
  readonly #connections: Connections;
  #base: Counts | undefined;
  #statisticsBase: CommandStatistics | undefined;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.#base = this.#total();
    this.#statisticsBase = this.#connections.statistics.since(new CommandStatistics());
  }

  /** Since the last reset, or the start of the process. */
  get counts(): Counts {
    const total = this.#total();
    const base = this.#base;
    if (base === undefined) return total;
    const names = Object.keys(total) as (keyof Counts)[];
    return Object.fromEntries(names.map((name) => [name, total[name] - base[name]])) as unknown as Counts;
  }

  /** The same of commands and errors. */
  get statistics(): CommandStatistics {
    const { statistics } = this.#connections;
    return this.#statisticsBase === undefined ? statistics : statistics.since(this.#statisticsBase);
  }

  #total(): Counts {
    const { accepted, rejected, commands, inputBytes, outputBytes, upkeep, node } = this.#connections;
    const { hits, misses, expired } = node.figures.keyspace;
    return {
      accepted,
      rejected,
      commands,
      inputBytes,
      outputBytes,
      closedIdle: upkeep.closedIdle,
      closedSlow: upkeep.closedSlow,
      closedUnread: upkeep.closedUnread,
      keyspaceHits: hits,
      keyspaceMisses: misses,
      expiredKeys: expired,
    };
  }
}
