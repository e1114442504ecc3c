import {
  assert,
  Glob,
  KEY_PAGE_KEYS_MAX,
  latin1,
  latin1Bytes,
  MATCH_STEPS_MAX,
  mark,
  RANDOM_KEY_STEPS_MAX,
  type Slot,
  SMALL_SLOT_KEYS,
} from "../base/index.ts";
import { bulk, integer, NIL, type Reply } from "../command/index.ts";
import {
  decodeKeyPageRequest,
  encodeKeyPageReply,
  KEY_PAGE,
  type KeyPageRequest,
  RANDOM_KEY,
  SHARD_KEYS,
  type StateMachine,
} from "../machine/index.ts";
import type { FoundKey, KeyPage, KeyPlace, Space } from "../store/index.ts";
import { KeyPlaces } from "./key-places.ts";
import type { ReplicaHost, Request } from "./types.ts";

interface ReadReplica {
  readonly machine: StateMachine;
  readonly space: Space;
}

/** By which moments a read judges whether a key has ended. */
interface Now {
  readonly logTimeMs: number;
  readonly clockMs: number;
}

/** What a read takes of a page. */
interface Taken {
  readonly keys: readonly Uint8Array[];
  readonly examined: number;
  /** Where to continue; undefined: the range is done. */
  readonly next: KeyPlace | undefined;
  readonly undecided: boolean;
}

/** `undecided`: as `StateMachine.undecided`. */
type Done = (reply: Reply, undecided: boolean) => void;

/** Answers the reads of `machine/key-reads`. Their cost is bounded by a page of keys. */
export class KeyReads {
  readonly #host: ReplicaHost;
  readonly #replica: ReadReplica;
  readonly #places: KeyPlaces;

  constructor(host: ReplicaHost, replica: ReadReplica) {
    this.#host = host;
    this.#replica = replica;
    this.#places = new KeyPlaces(host.env);
  }

  /** `done` may be called at once; never, if damage is found. */
  read({ spec, slot }: Request, args: readonly Uint8Array[], clockMs: number, done: Done): void {
    const { machine } = this.#replica;
    const { logTimeMs } = machine.applied;
    const now: Now = { logTimeMs, clockMs: Math.max(logTimeMs, clockMs) };
    if (spec === KEY_PAGE) this.#page(slot, args, now, done);
    else if (spec === RANDOM_KEY) this.#random(now, done);
    else done(integer(spec === SHARD_KEYS ? machine.keys : machine.keysInSlot(slot)), false);
  }

  #page(slot: Slot, args: readonly Uint8Array[], now: Now, done: Done): void {
    const request = decodeKeyPageRequest(args);
    assert(request !== undefined, "the arguments of a read were checked when it was admitted");
    const behind = this.#placeOf(slot, request.place);
    const { machine, space } = this.#replica;
    // A small slot is given as a whole, so all of its keys must fit.
    const keysMax = this.#isSmall(slot) ? Math.max(request.keysMax, SMALL_SLOT_KEYS) : request.keysMax;
    const range = { behind, toSlot: request.toSlot, keysMax, endings: machine.expiringKeys > 0 };
    this.#host.store.keys(space, range, (page) => {
      // A snapshot was switched in before its turn came.
      if (page === undefined) return this.#page(slot, args, now, done);
      const { keys, examined, next, undecided } = this.#take(page, behind, request, now);
      const place = next?.key === undefined ? 0 : this.#places.add(next, request.place);
      done(encodeKeyPageReply({ keys, examined, next: next && { slot: next.slot, place } }), undecided);
    });
  }

  /** A place that is not known (any more) is the slot's beginning: keys come twice, but none is left out. */
  #placeOf(slot: Slot, number: number): KeyPlace {
    const place = number === 0 ? undefined : this.#places.at(number);
    if (number !== 0 && place?.slot !== slot) mark("replica: walk over keys begins its slot again");
    return place?.slot === slot ? place : { slot, key: undefined };
  }

  #isSmall(slot: Slot): boolean {
    return this.#replica.machine.keysInSlot(slot) <= SMALL_SLOT_KEYS;
  }

  /** Ends between two slots if it can: then nothing has to be remembered. */
  #take(page: KeyPage, behind: KeyPlace, request: KeyPageRequest, { logTimeMs, clockMs }: Now): Taken {
    const { upTo, complete } = page;
    // The page ends within a slot that fits into one: that slot is left for the next.
    const leaves = !complete && upTo.slot !== behind.slot && this.#isSmall(upTo.slot);
    const keys = leaves ? page.keys.filter(({ slot }) => slot !== upTo.slot) : page.keys;
    const end = leaves ? { slot: upTo.slot, key: undefined } : upTo;
    const glob = request.pattern === undefined ? undefined : new Glob(latin1(request.pattern));
    const taken: Uint8Array[] = [];
    let undecided = false;
    for (const [at, { key, expiresAtMs }] of keys.entries()) {
      const tired = glob !== undefined && glob.steps >= MATCH_STEPS_MAX;
      const next = at >= request.keysMax || tired ? this.#endBefore(keys, at, tired) : undefined;
      if (next !== undefined) return { keys: taken, examined: at, next, undecided };
      if (glob?.matches(key) === false) continue;
      if (expiresAtMs === 0 || expiresAtMs > clockMs) taken.push(latin1Bytes(key));
      else if (expiresAtMs > logTimeMs) undecided = true;
    }
    return { keys: taken, examined: keys.length, next: complete ? undefined : end, undecided };
  }

  /** Where the next read begins if this one ends before the key at this position. Undefined: it should go on. */
  #endBefore(keys: readonly FoundKey[], at: number, tired: boolean): KeyPlace | undefined {
    const [last, next] = [keys[at - 1], keys[at]];
    if (last === undefined || next === undefined) return undefined;
    if (last.slot !== next.slot) return { slot: next.slot, key: undefined };
    return tired || !this.#isSmall(last.slot) ? last : undefined;
  }

  /**
   * The keys are drawn by their numbers: first the slot, then the place in it. Within a slot that means to step over keys,
   * so only so many are.
   */
  #random({ clockMs }: Now, done: Done): void {
    const { machine } = this.#replica;
    if (machine.keys === 0) return done(NIL, false);
    const slot = machine.slotOfKey(this.#draw(machine.keys));
    const steps = this.#draw(Math.min(machine.keysInSlot(slot), RANDOM_KEY_STEPS_MAX));
    this.#step({ slot, key: undefined }, steps, clockMs, (key) => done(key === undefined ? NIL : bulk(key), false));
  }

  #step(behind: KeyPlace, steps: number, clockMs: number, done: (key: Uint8Array | undefined) => void): void {
    const { machine, space } = this.#replica;
    const endings = machine.expiringKeys > 0;
    const range = { behind, toSlot: behind.slot, keysMax: KEY_PAGE_KEYS_MAX, endings };
    this.#host.store.keys(space, range, (page) => {
      if (page === undefined) return this.#step(behind, steps, clockMs, done);
      const { keys, complete, upTo } = page;
      if (steps >= keys.length && !complete) return this.#step(upTo, steps - keys.length, clockMs, done);
      const there = keys.filter(({ expiresAtMs }) => expiresAtMs === 0 || expiresAtMs > clockMs);
      const chosen = there[steps % Math.max(1, there.length)];
      done(chosen && latin1Bytes(chosen.key));
    });
  }

  #draw(below: number): number {
    return Math.floor((this.#host.env.random32() / 2 ** 32) * below);
  }
}
