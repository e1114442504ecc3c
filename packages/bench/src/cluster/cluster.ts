import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(import.meta.resolve("sherd/package.json")).replace("package.json", "bin/sherd.cjs");
const PORTS = { resp: 26_379, cluster: 27_379, grpc: 27_000, peer: 27_100, http: 27_080 };
/** Of Linux' /proc; the same on all common systems. */
const CLOCK_TICKS_PER_SECOND = 100;

/** A cluster of `sherd start`, on ports of its own. */
export class Cluster {
  readonly clusterPort: number = PORTS.cluster;
  readonly respPort: number = PORTS.resp;
  readonly readyMs: number;
  readonly #launcher: ChildProcess;
  readonly #data: string;
  readonly #nodes: number;

  private constructor(launcher: ChildProcess, data: string, nodes: number, readyMs: number) {
    this.#launcher = launcher;
    this.#data = data;
    this.#nodes = nodes;
    this.readyMs = readyMs;
  }

  static async start(data: string, nodes = 3): Promise<Cluster> {
    const began = performance.now();
    const ports = Object.entries(PORTS).flatMap(([name, port]) => [`--${name}-port`, String(port)]);
    const launcher = spawn(process.execPath, [CLI, "start", "--data", data, "--nodes", String(nodes), ...ports], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: launcher.stdout })) {
      if (line.startsWith("Ready")) break;
    }
    if (launcher.exitCode !== null) throw new Error("the cluster did not start");
    launcher.stdout.resume();
    return new Cluster(launcher, data, nodes, Math.round(performance.now() - began));
  }

  /** Process id of a node, from 1 on, as of its last start. */
  processId(node: number): number {
    const run = JSON.parse(readFileSync(join(this.directory(node), "run.json"), "utf8")) as { pid: number };
    return run.pid;
  }

  /** Of a node, from 1 on. */
  metricsUrl(node: number): string {
    return `http://127.0.0.1:${PORTS.http + node - 1}/metrics`;
  }

  directory(node: number): string {
    return join(this.#data, `node-${node}`);
  }

  /** CPU seconds of all nodes since their start. */
  cpuSeconds(): number {
    let seconds = 0;
    for (let node = 1; node <= this.#nodes; node += 1) {
      const fields =
        readFileSync(`/proc/${this.processId(node)}/stat`, "utf8")
          .split(") ")[1]
          ?.split(" ") ?? [];
      seconds += (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
    }
    return seconds;
  }

  async stop(): Promise<void> {
    const ended = once(this.#launcher, "exit");
    this.#launcher.kill("SIGINT");
    await ended;
  }
}
