import { encodeCommand } from "@sherd/client/protocol";
import { latin1, latin1Bytes } from "sherd/core/base";
import type { Reply } from "sherd/core/command";
import type { Operation } from "../checkers/index.ts";
import type { Machine } from "../node/index.ts";
import { type Random, Violation, type World } from "../world/index.ts";
import { judge } from "./call.ts";
import { ClientConnection } from "./connection.ts";
import type { Recorder } from "./recorder.ts";

const THINK_MS = [2, 80] as const;
const AGAIN_MS = [20, 400] as const;
const COUNTS = ["1", "3", "20", "500"] as const;
/** It goes to another node now and then, also in the middle of a SCAN. */
const MOVE_PROBABILITY = 0.03;
const FLUSH_PROBABILITY = 0.06;

/** Every call of a SCAN so far. */
interface Walk {
  readonly began: number;
  readonly keys: Set<string>;
  cursor: string;
}

type Asked = { readonly scan: Walk } | { readonly sizeSince: number } | { readonly flush: Operation };

/** A client of the forwarding port that is interested in all keys: SCAN, DBSIZE and, in some runs, FLUSHALL. */
export class Surveyor {
  readonly name: string;
  readonly #world: World;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #machines: readonly Machine[];
  readonly #flushes: boolean;
  #connection: ClientConnection | undefined;
  #walk: Walk | undefined;
  #asked: Asked | undefined;
  #stopped = false;

  constructor(name: string, world: World, machines: readonly Machine[], recorder: Recorder, flushes: boolean) {
    this.name = name;
    this.#world = world;
    this.#random = world.random.stream(`surveyor ${name}`);
    this.#machines = machines;
    this.#recorder = recorder;
    this.#flushes = flushes;
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
    if (this.#random.chance(MOVE_PROBABILITY)) {
      this.#connection?.close();
      this.#connection = undefined;
    }
    const connection = this.#connection ?? this.#connect();
    if (connection === undefined) return this.#later(AGAIN_MS);
    this.#connection = connection;
    const asked = this.#choose();
    this.#asked = asked;
    if ("scan" in asked) {
      const { cursor } = asked.scan;
      const words = [cursor, "count", this.#random.pick(COUNTS)].map(latin1Bytes);
      connection.send(encodeCommand(["scan", ...words]));
    } else {
      connection.send(encodeCommand(["flush" in asked ? "flushall" : "dbsize"]));
    }
  }

  #connect(): ClientConnection | undefined {
    return ClientConnection.open(this.#world, this.#random, this.#random.pick(this.#machines), false, {
      onReply: (reply) => this.#onReply(reply),
      onBroken: () => this.#onBroken(),
    });
  }

  #choose(): Asked {
    if (this.#flushes && this.#random.chance(FLUSH_PROBABILITY)) {
      return { flush: this.#recorder.beginFlush(this.name) };
    }
    if (this.#random.chance(0.2)) return { sizeSince: this.#world.moment() };
    this.#walk ??= { began: this.#world.moment(), keys: new Set(), cursor: "0" };
    return { scan: this.#walk };
  }

  #onReply(reply: Reply): void {
    const asked = this.#asked;
    if (asked === undefined) throw new Violation("a request is answered once", `${this.name} got one reply more`);
    this.#asked = undefined;
    if ("flush" in asked) this.#recorder.end(asked.flush, judge(asked.flush, reply));
    else if (reply.type === "error") this.#world.coverage.count(`${"scan" in asked ? "scan" : "dbsize"} refused`);
    else if ("scan" in asked) this.#scanned(asked.scan, reply);
    else this.#counted(asked.sizeSince, reply);
    this.#later(THINK_MS);
  }

  #counted(began: number, reply: Reply): void {
    if (reply.type !== "integer") throw unfit("DBSIZE", reply);
    this.#recorder.addSurvey({ client: this.name, began, ended: this.#world.moment(), seen: Number(reply.value) });
  }

  #scanned(walk: Walk, reply: Reply): void {
    const [cursor, keys] = reply.type === "array" ? reply.items : [];
    if (cursor?.type !== "bulk" || keys?.type !== "array") throw unfit("SCAN", reply);
    for (const key of keys.items) {
      if (key.type !== "bulk") throw unfit("SCAN", reply);
      walk.keys.add(latin1(key.bytes));
    }
    walk.cursor = latin1(cursor.bytes);
    if (walk.cursor !== "0") return;
    this.#walk = undefined;
    const ended = this.#world.moment();
    this.#recorder.addSurvey({ client: this.name, began: walk.began, ended, seen: walk.keys });
  }

  /** A SCAN goes on elsewhere: its cursor says all that a node has to know. */
  #onBroken(): void {
    const asked = this.#asked;
    this.#connection = undefined;
    this.#asked = undefined;
    if (asked === undefined) return;
    if ("flush" in asked) this.#recorder.end(asked.flush, "unknown");
    this.#later(AGAIN_MS);
  }
}

const unfit = (what: string, reply: Reply): Violation =>
  new Violation("replies fit their commands", `${what}: ${JSON.stringify(reply)}`);
