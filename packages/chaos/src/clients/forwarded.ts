import { RespConnection } from "@sherd/client";
import type { Random } from "@sherd/sim/world";
import type { PlacedNode } from "../cluster/index.ts";
import { type Caller, type Told, toldByClientError, toldByReply } from "./caller.ts";
import { CONNECT_MS } from "./cluster-caller.ts";

/** Of a command; afterwards the next one goes to another node. */
const MOVE_PROBABILITY = 0.01;

/** One connection to the forwarding port of any node, as a client that knows nothing of clusters has it. */
export class ForwardedCaller implements Caller {
  readonly kind = "forwarded";
  readonly keepsOrder = true;
  readonly #nodes: () => readonly PlacedNode[];
  readonly #random: Random;
  readonly #replyTimeoutMs: number;
  #connection: RespConnection | undefined;
  #inflight = 0;

  /** `nodes`: where they are now. */
  constructor(nodes: () => readonly PlacedNode[], random: Random, replyTimeoutMs: number) {
    this.#nodes = nodes;
    this.#random = random;
    this.#replyTimeoutMs = replyTimeoutMs;
  }

  async call(_key: string, args: readonly string[]): Promise<Told> {
    const connection = this.#open();
    this.#inflight += 1;
    try {
      return toldByReply(await connection.call(args));
    } catch (error) {
      return toldByClientError(error);
    } finally {
      this.#inflight -= 1;
    }
  }

  reconnect(): void {
    this.close();
  }

  close(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  #open(): RespConnection {
    // Only between commands: what is sent together stays on one connection, or has no order.
    if (this.#inflight === 0 && this.#random.chance(MOVE_PROBABILITY)) this.close();
    if (this.#connection === undefined || (this.#connection.closed && this.#inflight === 0)) {
      const { host, respPort } = this.#random.pick(this.#nodes());
      this.#connection = new RespConnection({
        host,
        port: respPort,
        replyTimeoutMs: this.#replyTimeoutMs,
        connectTimeoutMs: CONNECT_MS,
      });
    }
    return this.#connection;
  }
}
