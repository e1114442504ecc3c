import { RespError, RespReplyParser, type RespValue } from "@sherd/client/protocol";
import type { Reply } from "sherd/core/command";
import type { ClientSocket, Connection } from "sherd/core/session";
import type { Machine, SimProcess } from "../node/index.ts";
import { type Random, Violation, type World } from "../world/index.ts";

const LATENCY_MS = [0.05, 0.6] as const;

export interface ConnectionHandler {
  onReply(reply: Reply): void;
  /** The node has ended. Replies that were under way are lost. */
  onBroken(): void;
}

/** A client's TCP connection to one process of a node: bytes in order, in pieces, until the process ends. */
export class ClientConnection {
  readonly process: SimProcess;
  readonly #world: World;
  readonly #random: Random;
  readonly #handler: ConnectionHandler;
  readonly #replies: RespReplyParser = new RespReplyParser();
  #session: Connection | undefined;
  #broken = false;
  /** When the last piece arrives, each way: later ones do not overtake it. */
  #toServerMs = 0;
  #toClientMs = 0;

  /** Undefined: the machine's node does not run. `redirect`: to the port that answers MOVED. */
  static open(
    world: World,
    random: Random,
    machine: Machine,
    redirect: boolean,
    handler: ConnectionHandler,
  ): ClientConnection | undefined {
    const { process, connections } = machine;
    if (process === undefined || connections === undefined) return undefined;
    return new ClientConnection(world, random, machine, process, redirect, handler);
  }

  private constructor(
    world: World,
    random: Random,
    machine: Machine,
    process: SimProcess,
    redirect: boolean,
    handler: ConnectionHandler,
  ) {
    this.#world = world;
    this.#random = random;
    this.#handler = handler;
    this.process = process;
    process.onEnd(() => world.after(random.between(...LATENCY_MS), () => this.#break()));
    this.#toServer(() => {
      this.#session = machine.connections?.open(this.#socket(), redirect);
    });
  }

  get broken(): boolean {
    return this.#broken;
  }

  send(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const whole = this.#random.chance(0.8);
      const to = whole ? bytes.length : from + 1 + this.#random.below(bytes.length - from);
      // The session takes the chunk over.
      const piece = bytes.slice(from, to);
      this.#toServer(() => this.#session?.onData(piece));
      from = to;
    }
  }

  close(): void {
    this.#broken = true;
    this.#toServer(() => this.#session?.onClose());
  }

  #break(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#handler.onBroken();
  }

  #toServer(body: () => void): void {
    this.#toServerMs = Math.max(this.#toServerMs, this.#world.nowMs + this.#random.between(...LATENCY_MS));
    this.#world.after(this.#toServerMs - this.#world.nowMs, () => this.process.run(body));
  }

  #socket(): ClientSocket {
    return {
      remoteAddress: "client:1",
      localAddress: "node:1",
      pendingBytes: 0,
      pause: () => {},
      resume: () => {},
      close: () => {},
      destroy: () => {},
      write: (bytes) => {
        const copy = bytes.slice();
        this.#toClientMs = Math.max(this.#toClientMs, this.#world.nowMs + this.#random.between(...LATENCY_MS));
        this.#world.after(this.#toClientMs - this.#world.nowMs, () => this.#receive(copy));
        return true;
      },
    };
  }

  #receive(bytes: Uint8Array): void {
    if (this.#broken) return;
    for (const value of this.#replies.push(bytes)) this.#handler.onReply(replyOf(value));
  }
}

function replyOf(value: RespValue): Reply {
  if (value === null) return { type: "nil" };
  if (typeof value === "string") return { type: "simple", text: value };
  if (typeof value === "number") return { type: "integer", value };
  if (value instanceof Uint8Array) return { type: "bulk", bytes: value };
  if (Array.isArray(value)) return { type: "array", items: value.map(replyOf) };
  if (value instanceof RespError) {
    return { type: "error", kind: value.kind, text: value.message.slice(value.kind.length + 1) };
  }
  throw new Violation("replies fit their commands", `a client received ${JSON.stringify(value)}`);
}
