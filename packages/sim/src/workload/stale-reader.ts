import { encodeCommand } from "@sherd/client/protocol";
import { latin1, latin1Bytes } from "sherd/core/base";
import type { Reply } from "sherd/core/command";
import type { Machine } from "../node/index.ts";
import { type Random, Violation, type World } from "../world/index.ts";
import { ClientConnection } from "./connection.ts";
import type { Recorder } from "./recorder.ts";

const THINK_MS = [1, 40] as const;
const AGAIN_MS = [20, 400] as const;
/** It goes to another node now and then. */
const MOVE_PROBABILITY = 0.03;

/** A client of which READONLY is the first word: it reads replicas, one key after the other. */
export class StaleReader {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #machines: readonly Machine[];
  readonly #keys: number;
  #connection: ClientConnection | undefined;
  #connections = 0;
  #asked: { readonly key: string; readonly began: number } | undefined;
  /** For a reply; otherwise its next turn is scheduled. */
  #waits = false;
  #stopped = false;

  constructor(name: string, world: World, machines: readonly Machine[], recorder: Recorder, hotKeys: number) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.stream(`stale reader ${name}`);
    this.#machines = machines;
    this.#recorder = recorder;
    this.#keys = hotKeys;
  }

  start(): void {
    this.#later(THINK_MS);
  }

  stop(): void {
    this.#stopped = true;
  }

  #later(delayMs: readonly [number, number]): void {
    this.#world.after(this.#random.between(...delayMs), () => this.#turn());
  }

  #turn(): void {
    if (this.#stopped) return;
    if (this.#connection === undefined || this.#random.chance(MOVE_PROBABILITY)) return this.#connect();
    const key = `hot:${this.#random.below(this.#keys)}`;
    this.#asked = { key, began: this.#world.moment() };
    this.#send(this.#connection, "get", latin1Bytes(key));
  }

  #connect(): void {
    this.#connection?.close();
    this.#connection = undefined;
    const machine = this.#random.pick(this.#machines);
    const connection = ClientConnection.open(this.#world, this.#random, machine, true, {
      onReply: (reply) => this.#onReply(reply),
      onBroken: () => this.#onBroken(),
    });
    if (connection === undefined) return this.#later(AGAIN_MS);
    this.#connections += 1;
    this.#connection = connection;
    this.#send(connection, "READONLY");
  }

  #send(connection: ClientConnection, ...command: [string, ...Uint8Array[]]): void {
    this.#waits = true;
    connection.send(encodeCommand(command));
  }

  #onReply(reply: Reply): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#waits = false;
    if (asked !== undefined && (reply.type === "bulk" || reply.type === "nil")) {
      const value = reply.type === "nil" ? null : latin1(reply.bytes);
      const connection = `${this.name}.${this.#connections}`;
      this.#recorder.addStale({ connection, ...asked, value, ended: this.#world.moment() });
    } else if (asked === undefined && reply.type === "error" && reply.kind === "LOADING") {
      this.#connection?.close();
      this.#connection = undefined;
      this.#world.coverage.count("a stale reader came before the node knew who may");
    } else if (asked === undefined ? reply.type !== "simple" : reply.type !== "error") {
      throw new Violation("replies fit their commands", `${this.name}: ${JSON.stringify(reply)}`);
    }
    this.#later(THINK_MS);
  }

  #onBroken(): void {
    this.#connection = undefined;
    this.#asked = undefined;
    if (this.#waits) this.#later(AGAIN_MS);
    this.#waits = false;
  }
}
