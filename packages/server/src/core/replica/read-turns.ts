import {
  CLIENT_READS_WORK_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  COSTLY_READ_WORK_BYTES,
  READ_PASS_MS,
  READ_TURN_WORK_BYTES,
  WORK_PER_ARGUMENT_BYTES,
} from "../base/index.ts";
import type { Request } from "./types.ts";

/**
 * A connection asks again for as much at a time as it may hold of replies. That a read is postponed for its work is told in
 * that measure, so that it asks for as much as may be here.
 */
export const replyBytesFor = (work: number): number =>
  Math.ceil((work * CONNECTION_OUTPUT_BYTES_MAX) / CLIENT_READS_WORK_BYTES_MAX);

/** Who runs a read when its turn has come. */
export interface TurnTaker<Read> {
  takeTurn(read: Read, work: number): void;
}

interface Waiting<Read> {
  readonly taker: TurnTaker<Read>;
  readonly read: Read;
  readonly work: number;
}

interface Client<Read> {
  /** Oldest first. */
  waiting: Waiting<Read>[];
  /** Of all of them. */
  work: number;
}

/**
 * Reads of all replicas of a node that cost much, or stand behind such a read of the same client. They have their turns
 * when everybody else was served, as many as fit into a pass; the node's loop goes on in between. Clients take turns, each
 * of about as much work, so nobody waits behind all that another has sent. What one client sent keeps its order.
 *
 * A client has so much work here and no more: what is beyond goes back to its connection, which asks again when all before
 * is answered. So what it sent before it left, or before another node gave up waiting, is soon over.
 */
export class ReadTurns<Read> {
  readonly #nowMs: () => number;
  readonly #requestPass: () => void;
  /** In the order of their turns. */
  readonly #clients: Map<unknown, Client<Read>> = new Map();

  /** `requestPass`: something waits, so `run` has to be called. */
  constructor(nowMs: () => number, requestPass: () => void) {
    this.#nowMs = nowMs;
    this.#requestPass = requestPass;
  }

  get idle(): boolean {
    return this.#clients.size === 0;
  }

  /** Whether earlier reads of its client wait. */
  mustWait(request: Request): boolean {
    return this.#clients.size > 0 && this.#clients.has(request.client ?? request);
  }

  /** `work` as `command/work.ts` measures it. False: its client has too much here, and was told to ask again. */
  add(taker: TurnTaker<Read>, read: Read, request: Request, work: number): boolean {
    const key = request.client ?? request;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = { waiting: [], work: 0 };
      this.#clients.set(key, client);
      this.#requestPass();
    } else if (client.work + work > CLIENT_READS_WORK_BYTES_MAX && request.postpone !== undefined) {
      request.postpone(replyBytesFor(work));
      return false;
    }
    client.waiting.push({ taker, read, work });
    client.work += work;
    return true;
  }

  /** They wait no more. Each client's in their order. */
  take(taker: TurnTaker<Read>, which: (read: Read) => boolean): Read[] {
    const taken: Read[] = [];
    for (const client of this.#clients.values()) {
      client.waiting = client.waiting.filter((waiting) => {
        if (waiting.taker !== taker || !which(waiting.read)) return true;
        client.work -= waiting.work;
        taken.push(waiting.read);
        return false;
      });
    }
    return taken;
  }

  /** One client's turn at least, and more until the time is used. */
  run(): void {
    if (this.#clients.size === 0) return;
    const untilMs = this.#nowMs() + READ_PASS_MS;
    let more = true;
    while (more && this.#clients.size > 0) {
      const [key, client] = this.#clients.entries().next().value as [unknown, Client<Read>];
      more = this.#turn(client, untilMs);
      this.#clients.delete(key);
      if (client.waiting.length > 0) this.#clients.set(key, client);
    }
  }

  /** False: the pass has used its time. */
  #turn(client: Client<Read>, untilMs: number): boolean {
    let work = 0;
    while (work < READ_TURN_WORK_BYTES) {
      const next = client.waiting.shift();
      if (next === undefined) break;
      client.work -= next.work;
      next.taker.takeTurn(next.read, next.work);
      // Work is an estimate, also of the time.
      if (next.work >= COSTLY_READ_WORK_BYTES && this.#nowMs() >= untilMs) return false;
      // Those that cost little stand here, too.
      work += next.work + WORK_PER_ARGUMENT_BYTES;
    }
    return this.#nowMs() < untilMs;
  }
}
