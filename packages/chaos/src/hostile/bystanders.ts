import { RespConnection, RespError } from "@sherd/client";
import type { PlacedNode } from "../cluster/index.ts";

/** Between two requests of a bystander: they are guests, not a benchmark. */
const PAUSE_MS = 4;
/** A refusal itself comes after three seconds; this is for a machine that has more to do than it can. */
const LEADER_FOUND_MS = 30_000;
/** Refusals that say so: nothing wrong was told, and the same request may be sent again. */
const REFUSALS = new Set(["CLUSTERDOWN", "TRYAGAIN", "INDETERMINATE"]);

/** Clients that behave: each writes numbers to a key of its own and reads them back, through all nodes in turn. */
export class Bystanders {
  readonly #nodes: readonly PlacedNode[];
  readonly #loops: Promise<void>[] = [];
  readonly #connections: RespConnection[] = [];
  readonly #values: (number | undefined)[] = [];
  #latenciesMs: number[] = [];
  #stopped = false;
  /** An answer that was not the right one: there must be none. */
  readonly wrong: string[] = [];
  /** Requests that were refused, by kind: a leader was lost. None on a machine that can bear the attack. */
  readonly refused: Map<string, number> = new Map();
  acknowledged = 0;

  constructor(nodes: readonly PlacedNode[], count: number) {
    this.#nodes = nodes;
    for (let id = 0; id < count; id += 1) this.#loops.push(this.#run(id));
  }

  /** Latencies in milliseconds since the last call, sorted. */
  takeLatencies(): number[] {
    const taken = this.#latenciesMs.sort((left, right) => left - right);
    this.#latenciesMs = [];
    return taken;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const connection of this.#connections) connection.destroy();
  }

  /** Reads every key at `node`. What is missing or old is added to `wrong`. */
  async verify(node: PlacedNode): Promise<void> {
    const connection = new RespConnection({ host: node.host, port: node.respPort });
    for (const [id, value] of this.#values.entries()) {
      if (value === undefined) continue;
      const found = await this.#find(connection, keyOf(id));
      if (!(Number(found) >= value)) this.wrong.push(`${keyOf(id)} is ${found}; ${value} was acknowledged`);
    }
    connection.destroy();
  }

  /** A refusal tells nothing of the key: a leader was lost, and is found again. */
  async #find(connection: RespConnection, key: string): Promise<string> {
    const untilMs = performance.now() + LEADER_FOUND_MS;
    for (;;) {
      const reply = await connection.call(["GET", key]).catch(told);
      if (!(reply instanceof RespError)) return text(reply);
      if (!REFUSALS.has(reply.kind) || performance.now() > untilMs) return reply.message;
      this.refused.set(reply.kind, (this.refused.get(reply.kind) ?? 0) + 1);
    }
  }

  async #run(id: number): Promise<void> {
    const node = this.#nodes[id % this.#nodes.length] as PlacedNode;
    const connection = new RespConnection({ host: node.host, port: node.respPort });
    this.#connections.push(connection);
    for (let value = 1; !this.#stopped; value += 1) {
      await this.#ask(connection, ["SET", keyOf(id), String(value)], "OK");
      this.acknowledged += 1;
      this.#values[id] = value;
      await this.#ask(connection, ["GET", keyOf(id)], String(value));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  async #ask(connection: RespConnection, args: string[], expected: string): Promise<void> {
    const begunMs = performance.now();
    const reply = await connection.call(args).catch(told);
    this.#latenciesMs.push(performance.now() - begunMs);
    if (reply instanceof RespError && REFUSALS.has(reply.kind)) {
      this.refused.set(reply.kind, (this.refused.get(reply.kind) ?? 0) + 1);
      return this.#ask(connection, args, expected);
    }
    const answer = text(reply);
    if (answer === expected) return;
    this.wrong.push(`${args.join(" ")} through ${connection.port}: ${answer} instead of ${expected}`);
    this.#stopped = true;
  }
}

const told = (error: Error): string => `(${error.message})`;
const keyOf = (id: number): string => `bystander:${id}`;
const text = (value: unknown): string => (value instanceof Uint8Array ? Buffer.from(value).toString() : String(value));

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
