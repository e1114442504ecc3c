import { existsSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { Cluster } from "../cluster/cluster.ts";

const LAG = /^nodejs_eventloop_lag_max_seconds (\S+)$/m;

/** What kept the nodes of a cluster from their work. */
export class Nodes {
  readonly #cluster: Cluster;
  readonly #count: number;
  #waitedMs: number;
  #atMs: number = performance.now();

  constructor(cluster: Cluster, count: number) {
    this.#cluster = cluster;
    this.#count = count;
    this.#waitedMs = this.#waited();
  }

  /** The longest time since the last call in which a node's event loop took no turn. Asking takes the nodes some time, too. */
  async takePauseMs(): Promise<number> {
    let longest = 0;
    for (let node = 1; node <= this.#count; node += 1) {
      const page = await fetch(this.#cluster.metricsUrl(node));
      const seconds = LAG.exec(await page.text())?.[1];
      if (seconds === undefined) throw new Error("the metrics do not say how long the event loop paused");
      longest = Math.max(longest, Number(seconds) * 1_000);
    }
    return Number(longest.toFixed(1));
  }

  /**
   * For how much of the time since the last call a node could have run and did not get a processor, because other processes
   * had them: in percent, of all nodes together. 0 where the system does not tell.
   */
  takeWaitedPercent(): number {
    const waitedMs = this.#waited();
    const nowMs = performance.now();
    const percent = (100 * (waitedMs - this.#waitedMs)) / (nowMs - this.#atMs);
    this.#waitedMs = waitedMs;
    this.#atMs = nowMs;
    return Number(percent.toFixed(1));
  }

  /** Of the first thread of each process: that of the event loop. */
  #waited(): number {
    let waitedNs = 0;
    for (let node = 1; node <= this.#count; node += 1) {
      const path = `/proc/${this.#cluster.processId(node)}/schedstat`;
      if (existsSync(path)) waitedNs += Number(readFileSync(path, "utf8").split(" ")[1]);
    }
    return waitedNs / 1e6;
  }
}
