import { concatBytes } from "sherd/core/base";
import type { Reply } from "sherd/core/command";
import { describe, type Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { type Random, Violation, type World } from "../world/index.ts";
import { ClientConnection } from "./connection.ts";
import type { Recorder } from "./recorder.ts";
import { Transmission } from "./transmission.ts";
import { chooseDependent, chooseOperation, type Mixture, type Wanted } from "./wanted.ts";

export interface Habits {
  /** True: the port that answers MOVED, which it follows; false: the one that forwards. */
  readonly redirect: boolean;
  /** Commands sent at once, at most. */
  readonly pipelineMax: number;
  readonly thinkMs: readonly [number, number];
  readonly mixture: Mixture;
}

/** Every request is answered within this time while its node runs: the longest limits of the nodes, and some. */
const ANSWER_MS_MAX = 40_000;
const WATCH_MS = 1_000;
const RECONNECT_MS = [5, 200] as const;
/** It tries another node now and then. */
const MOVE_PROBABILITY = 0.02;

/** One client: sends a few commands on its connection, waits for all answers, thinks, goes on. */
export class Client {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #machines: readonly Machine[];
  readonly #habits: Habits;
  #machine: Machine;
  #connection: ClientConnection | undefined;
  #stopped = false;
  /** In the order of their replies. */
  #open: Transmission[] = [];
  /** What is sent again where MOVED said. */
  #again: Wanted[] = [];
  /** The transaction that depends on what was read of keys that this connection watches. */
  #dependent: { readonly wanted: Wanted; readonly connection: ClientConnection } | undefined;

  constructor(name: string, world: World, machines: readonly Machine[], recorder: Recorder, habits: Habits) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.stream(`client ${name}`);
    this.#machines = machines;
    this.#recorder = recorder;
    this.#habits = habits;
    this.#machine = this.#random.pick(machines);
  }

  start(): void {
    this.#later(this.#habits.thinkMs);
  }

  stop(): void {
    this.#stopped = true;
  }

  #later(delayMs: readonly [number, number]): void {
    this.#world.after(this.#random.between(...delayMs), () => this.#send());
  }

  #send(): void {
    if (this.#stopped) return;
    if (this.#random.chance(MOVE_PROBABILITY)) this.#moveTo(this.#random.pick(this.#machines));
    const connection = this.#connect();
    if (connection === undefined) {
      this.#moveTo(this.#random.pick(this.#machines));
      return this.#later(RECONNECT_MS);
    }
    const sent: Operation[] = [];
    const open = this.#choose(connection).map((wanted) => {
      const operation = this.#recorder.begin(this.name, wanted.key, wanted, behind(sent, wanted));
      sent.push(operation);
      return new Transmission(operation, wanted.watch === true);
    });
    this.#open = open;
    connection.send(concatBytes(open.map(({ bytes }) => bytes)));
    this.#watch(connection, open, 0);
  }

  #connect(): ClientConnection | undefined {
    if (this.#connection?.broken === false) return this.#connection;
    const connection = ClientConnection.open(this.#world, this.#random, this.#machine, this.#habits.redirect, {
      onReply: (reply) => this.#onReply(reply),
      onBroken: () => this.#onBroken(),
    });
    if (connection !== undefined) this.#connection = connection;
    return connection;
  }

  #moveTo(machine: Machine): void {
    if (machine === this.#machine) return;
    this.#machine = machine;
    this.#connection?.close();
    this.#connection = undefined;
  }

  #choose(connection: ClientConnection): readonly Wanted[] {
    const dependent = this.#dependent;
    this.#dependent = undefined;
    if (dependent?.connection === connection) return [dependent.wanted];
    const again = this.#again;
    this.#again = [];
    const chosen =
      again.length > 0
        ? again
        : Array.from({ length: 1 + this.#random.below(this.#habits.pipelineMax) }, () =>
            chooseOperation(this.#random, this.#habits.mixture),
          );
    // Alone: the next EXEC of the connection would be judged by what is watched.
    const watching = chosen.find(({ watch }) => watch === true);
    return watching === undefined ? chosen : [watching];
  }

  #onReply(reply: Reply): void {
    const sent = this.#open[0];
    if (sent === undefined) throw new Violation("a request is answered once", `${this.name} got one reply more`);
    const outcome = sent.take(reply);
    if (outcome === undefined) return;
    this.#open.shift();
    const { operation } = sent;
    this.#world.trace.mix(operation.id);
    this.#recorder.end(operation, outcome);
    const error = sent.errorIn(reply);
    if (error !== undefined) this.#world.coverage.count(`reply: ${error.kind}`);
    if (error?.kind === "MOVED") this.#moved(sent, error.text);
    if (sent.watches) this.#watched(sent);
    if (this.#open.length > 0) return;
    this.#later(this.#habits.thinkMs);
  }

  #watched(sent: Transmission): void {
    const watched = sent.watched();
    const connection = this.#connection;
    if (watched !== undefined && connection !== undefined) {
      this.#dependent = { wanted: chooseDependent(this.#random, sent.operation.key, watched), connection };
      return;
    }
    // Nobody knows what is watched now: a connection that watches nothing takes its place.
    connection?.close();
    this.#connection = undefined;
  }

  #moved({ operation, watches }: Transmission, text: string): void {
    const host = text.split(" ")[1]?.split(":")[0] ?? "";
    // Where nobody is any more, a client tries whoever else it knows.
    const there = this.#machines.filter((machine) => machine.wasAt(host));
    const target = there.find(({ info }) => info.addresses.host === host) ?? there[0];
    if (target === undefined) throw new Violation("replies fit their commands", `MOVED ${text}`);
    // What another connection watches helps a transaction nowhere else.
    if (operation.kind !== "exec" || operation.watched.length === 0) this.#again.push({ ...operation, watch: watches });
    // Other replies may still be to come on this connection.
    if (this.#open.length === 0) this.#moveTo(target);
  }

  #onBroken(): void {
    for (const { operation } of this.#open) this.#recorder.end(operation, "unknown");
    const waited = this.#open.length > 0;
    this.#open = [];
    this.#moveTo(this.#random.pick(this.#machines));
    if (waited) this.#later(RECONNECT_MS);
  }

  /** Nothing stays unanswered for ever while its node runs. */
  #watch(connection: ClientConnection, sent: readonly Transmission[], waitedMs: number): void {
    if (this.#open !== sent || this.#open.length === 0 || connection.broken) return;
    if (waitedMs > ANSWER_MS_MAX) {
      const what = describe((this.#open[0] as Transmission).operation);
      throw new Violation("every request is answered", `${what} at ${this.#machine.name} after ${waitedMs} ms`);
    }
    const counted = connection.process.paused ? 0 : WATCH_MS;
    this.#world.after(WATCH_MS, () => this.#watch(connection, sent, waitedMs + counted));
  }
}

/**
 * The one before it on the key, if any: it happens first. Of operations on several keys of one slot nothing is said: they
 * are judged by their times alone.
 */
function behind(sent: readonly Operation[], { key }: Wanted): Operation[] {
  return sent.filter((operation) => operation.key === key).slice(-1);
}
