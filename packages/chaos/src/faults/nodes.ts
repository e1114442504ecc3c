import { setTimeout as sleep } from "node:timers/promises";
import { Violation } from "@sherd/sim/world";
import type { PlacedNode, ProcessCluster } from "../cluster/index.ts";
import { NODE_READY_MS_MAX, NODE_STOP_MS_MAX } from "../limits.ts";

const LAST_WORDS_CHARACTERS = 5_000;

/** The nodes, and which of them run because they should. One that ends by itself breaks a promise. */
export class Nodes {
  readonly #cluster: ProcessCluster;
  readonly #host: (name: string, generation: number) => string;
  readonly #onViolation: (violation: Violation) => void;
  /** May be gone, or go by themselves. */
  readonly #excused = new Set<string>();
  #generation = 0;
  #closed = false;
  readonly #generations = new Map<string, number>();

  constructor(
    cluster: ProcessCluster,
    host: (name: string, generation: number) => string,
    onViolation: (violation: Violation) => void,
  ) {
    this.#cluster = cluster;
    this.#host = host;
    this.#onViolation = onViolation;
  }

  get names(): readonly string[] {
    return this.#cluster.names;
  }

  get placed(): readonly PlacedNode[] {
    return this.#cluster.file.nodes;
  }

  /** Grows when all nodes have moved at once, so that nothing that a client knows leads anywhere. */
  get generation(): number {
    return this.#generation;
  }

  /** From now on until it is started again it may end by itself. */
  excuse(name: string): void {
    this.#excused.add(name);
  }

  isRunning(name: string): boolean {
    return this.#cluster.isRunning(name);
  }

  /** Whether its process has ended, or does so within this time. If so, its log must say why in these words. */
  async hasEnded(name: string, withinMs: number, why: string): Promise<boolean> {
    const late = new AbortController();
    const waited = sleep(withinMs, false, { signal: late.signal }).catch(() => false);
    const { ended } = this.#cluster.process(name);
    const gone = await Promise.race([ended.then(() => true), waited]).finally(() => late.abort());
    const lastWords = this.#cluster.log(name).slice(-LAST_WORDS_CHARACTERS);
    if (gone && !this.#closed && !lastWords.includes(why)) {
      throw new Violation("a node says why it ends", `${name} ended without ${why}:\n${lastWords}`);
    }
    return gone;
  }

  async kill(name: string): Promise<void> {
    this.excuse(name);
    await this.#cluster.kill(name);
  }

  signal(name: string, signal: "SIGSTOP" | "SIGCONT"): void {
    process.kill(this.#cluster.process(name).pid, signal);
  }

  /** If it does not run; resolves when it serves. */
  async start(name: string): Promise<void> {
    if (this.#closed) return;
    this.#excused.delete(name);
    if (this.isRunning(name)) return;
    const node = this.#cluster.begin(name);
    void node.ended.then(({ code, signal }) => {
      if (this.#closed || this.#excused.has(name)) return;
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      this.#onViolation(new Violation("a node does not end by itself", `${name} ended ${how}:\n${node.output}`));
    });
    const late = new AbortController();
    await Promise.race([
      node.ready,
      sleep(NODE_READY_MS_MAX, undefined, { signal: late.signal }).then(() => {
        throw new Violation("a started node is ready in time", `${name} was not after ${NODE_READY_MS_MAX} ms`);
      }),
    ]).finally(() => late.abort());
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map((name) => this.start(name)));
  }

  /** For its next start. */
  async move(name: string): Promise<void> {
    await this.#cluster.move(name, this.#nextHost(name));
  }

  async moveAll(): Promise<void> {
    await this.#cluster.moveAll(this.names.map((name) => this.#nextHost(name)));
    this.#generation += 1;
  }

  /** SIGTERM: each must say that it closed as asked. */
  async stopAll(): Promise<void> {
    await Promise.all(
      this.names.map(async (name) => {
        this.excuse(name);
        const late = setTimeout(() => void this.#cluster.kill(name), NODE_STOP_MS_MAX);
        const { code, signal } = await this.#cluster.terminate(name);
        clearTimeout(late);
        if (code === 0) return;
        const how = `${name} ended with ${signal ?? code}:\n${this.#cluster.output(name)}`;
        throw new Violation("SIGTERM closes a node", how);
      }),
    );
  }

  /** Nothing is started any more; what runs is killed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#cluster.killRunning();
  }

  #nextHost(name: string): string {
    const generation = (this.#generations.get(name) ?? 0) + 1;
    this.#generations.set(name, generation);
    return this.#host(name, generation);
  }
}
