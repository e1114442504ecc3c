import { keySlot } from "@sherd/client";
import type { Random } from "@sherd/sim/world";
import { KEY_OPERATIONS_MAX, KEY_UNKNOWN_MAX, SLOT_UNKNOWN_MAX } from "../limits.ts";
import type { Recorder } from "./recorder.ts";

/** What kinds of data a key may hold; each has a model in the checkers. */
const KEY_KINDS = ["register", "counter", "list", "slot"] as const;
type KeyKind = (typeof KEY_KINDS)[number];

/** A range of them. */
export interface Slots {
  readonly from: number;
  readonly to: number;
}

export interface LiveKey {
  /** Of its history: the key, or the hash tag of several. */
  readonly name: string;
  readonly kind: KeyKind;
  readonly shard: number;
  operations: number;
  unknown: number;
}

/** All clients turn to one shard for so long, then to the next. */
const HOT_MS = 500;
const HOT_PROBABILITY = 0.6;

/** The keys in use: one of each kind in each shard, replaced by a new one before its history is too long to check. */
export class KeyRing {
  readonly #shards: readonly (readonly Slots[])[];
  readonly #live = new Map<string, LiveKey>();
  #made = 0;

  /** `shards`: the slots of each. */
  constructor(shards: readonly (readonly Slots[])[]) {
    this.#shards = shards;
  }

  get shardCount(): number {
    return this.#shards.length;
  }

  choose(random: Random, recorder: Recorder): LiveKey {
    const hot = Math.floor(recorder.nowMs / HOT_MS) % this.#shards.length;
    const shard = random.chance(HOT_PROBABILITY) ? hot : random.below(this.#shards.length);
    return this.live(shard, random.pick(KEY_KINDS));
  }

  live(shard: number, kind: KeyKind): LiveKey {
    const place = `${shard} ${kind}`;
    let key = this.#live.get(place);
    const unknownMax = kind === "slot" ? SLOT_UNKNOWN_MAX : KEY_UNKNOWN_MAX;
    if (key === undefined || key.operations >= KEY_OPERATIONS_MAX || key.unknown >= unknownMax) {
      key = { name: this.#nameIn(shard, kind), kind, shard, operations: 0, unknown: 0 };
      this.#live.set(place, key);
    }
    return key;
  }

  #nameIn(shard: number, kind: KeyKind): string {
    const ranges = this.#shards[shard] as readonly Slots[];
    for (;;) {
      this.#made += 1;
      const name = kind === "slot" ? `{slot:${this.#made}}` : `${kind}:${this.#made}`;
      const slot = keySlot(new TextEncoder().encode(name));
      if (ranges.some(({ from, to }) => slot >= from && slot <= to)) return name;
    }
  }
}
