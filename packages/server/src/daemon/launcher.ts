import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { ClusterFile } from "./cluster-file.ts";
import { STOP_MS_MAX, WATCH_MS } from "./limits.ts";
import type { LauncherMessage, NodeMessage } from "./node-process.ts";
import { type Order, Supervision, type SupervisionLimits } from "./supervision.ts";
import { within } from "./within.ts";

export interface LauncherOptions {
  readonly file: ClusterFile;
  readonly clusterFile: string;
  readonly data: string;
  /** Program and first arguments of a node; what the launcher adds are the options of `sherd node`. */
  readonly nodeCommand: readonly [program: string, ...args: string[]];
  /** Of the nodes, if not this process's. */
  readonly environment?: NodeJS.ProcessEnv;
  /** One line for the person at the terminal. */
  readonly say: (line: string) => void;
  readonly limits?: SupervisionLimits;
  readonly watchMs?: number;
}

/** Runs the nodes of a cluster as child processes of this one, and keeps them running. */
export class Launcher {
  readonly #nodes: SupervisedNode[];
  readonly #say: (line: string) => void;
  readonly #watchMs: number;
  #watch: NodeJS.Timeout | undefined;
  #resolveSettled: () => void = () => {};
  #resolveEnded: () => void = () => {};
  /** Every node serves, or was refused. */
  readonly settled: Promise<void> = new Promise((resolve) => {
    this.#resolveSettled = resolve;
  });
  /** No node runs any more, nor will. */
  readonly ended: Promise<void> = new Promise((resolve) => {
    this.#resolveEnded = resolve;
  });

  constructor(options: LauncherOptions) {
    this.#say = options.say;
    this.#watchMs = options.watchMs ?? WATCH_MS;
    const changed = (): void => this.#changed();
    this.#nodes = options.file.nodes.map((node) => new SupervisedNode(node.name, options, changed));
  }

  start(): void {
    for (const node of this.#nodes) node.start();
    this.#watch = setInterval(() => {
      for (const node of this.#nodes) node.look();
    }, this.#watchMs);
  }

  /** Names of the nodes that serve. */
  get serving(): string[] {
    return this.#nodes.filter((node) => node.supervision.state === "serving").map((node) => node.name);
  }

  /** Lets every node close; kills what has not within a bounded time. Resolves when all processes are gone. */
  async stop(): Promise<void> {
    for (const node of this.#nodes) node.stop();
    if ((await within(STOP_MS_MAX, this.ended)) === "done") return;
    for (const node of this.#nodes) {
      if (node.running) this.#say(`${node.name} has not stopped within ${STOP_MS_MAX / 1000} s; killing it`);
    }
    this.kill();
    await this.ended;
  }

  /** Ends every node at once; what they acknowledged is on their disks. */
  kill(): void {
    for (const node of this.#nodes) node.kill();
  }

  #changed(): void {
    const states = this.#nodes.map((node) => node.supervision.state);
    if (states.every((state) => state === "serving" || state === "refused")) this.#resolveSettled();
    const over = this.#nodes.every(
      (node) => !node.running && (node.supervision.state === "refused" || node.supervision.state === "stopped"),
    );
    if (!over) return;
    clearInterval(this.#watch);
    this.#resolveEnded();
  }
}

/** One node: its process, and the supervision that decides about it. */
class SupervisedNode {
  readonly name: string;
  readonly supervision: Supervision;
  readonly #options: LauncherOptions;
  readonly #changed: () => void;
  #process: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;

  constructor(name: string, options: LauncherOptions, changed: () => void) {
    this.name = name;
    this.supervision = new Supervision(name, options.limits);
    this.#options = options;
    this.#changed = changed;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    const { nodeCommand, clusterFile, data, environment } = this.#options;
    const [program, ...first] = nodeCommand;
    const args = [...first, "--cluster", clusterFile, "--name", this.name, "--data", data, "--supervised"];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe", "ipc"], env: environment });
    this.#process = child;
    child.on("message", (message: NodeMessage) => this.#heard(message));
    child.on("error", (error) => {
      this.#options.say(`${this.name}: ${error.message}`);
      // A process that was never there does not close.
      if (child.pid === undefined) this.#exited(1, null);
    });
    // Not "exit": what it said last should be read first.
    child.on("close", (code, signal) => this.#exited(code, signal));
    if (child.stderr !== null) createInterface({ input: child.stderr }).on("line", (line) => this.#options.say(line));
  }

  look(): void {
    if (this.running) this.#follow(this.supervision.look());
  }

  stop(): void {
    this.supervision.stopping();
    clearTimeout(this.#restart);
    if (this.#process === undefined) {
      this.#changed();
    } else if (this.#process.connected) {
      const message: LauncherMessage = { kind: "stop" };
      // Failing means that the process ends already; its exit is what `Launcher.stop` waits for.
      this.#process.send(message, () => {});
    } else {
      this.#process.kill("SIGTERM");
    }
  }

  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  #heard(message: NodeMessage): void {
    this.supervision.heartbeat();
    if (message.kind !== "ready") return;
    this.supervision.ready(performance.now());
    this.#changed();
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#process = undefined;
    this.#follow(this.supervision.exited(performance.now(), code, signal));
    this.#changed();
  }

  #follow(orders: readonly Order[]): void {
    for (const order of orders) {
      if (order.kind === "say") this.#options.say(order.text);
      else if (order.kind === "kill") this.kill();
      else if (order.afterMs === 0) this.start();
      else this.#restart = setTimeout(() => this.start(), order.afterMs);
    }
  }
}
