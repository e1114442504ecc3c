import {
  type GroupId,
  KEY_PAGE_KEYS_MAX,
  KEYS_AT_ONCE_MAX,
  KEYS_BYTES_MAX,
  KEYS_MS_MAX,
  KEYS_OVERHEAD_BYTES,
  PATTERN_BYTES_MAX,
  SLOT_COUNT,
  type Slot,
} from "../../base/index.ts";
import { array, bulk, err, NOT_AN_INTEGER, parseInt64, type Reply } from "../../command/index.ts";
import type { LocalCall } from "../answers/types.ts";
import { Later } from "../later.ts";
import { type KeyPosition, PATTERN_TOO_LONG, readKeys } from "./key-walk.ts";
import { type ShardSlots, slotsFor } from "./shards.ts";

const TOO_MANY: Reply = err(
  `the keys take more than ${KEYS_BYTES_MAX} bytes together; use SCAN, which gives them in portions`,
);
const TOO_LONG: Reply = err(
  `the keys could not be read within ${KEYS_MS_MAX / 1000} s; use SCAN, which gives them in portions`,
);
const BUSY: Reply = err(`${KEYS_AT_ONCE_MAX} other KEYS are under way on this node; try again later, or use SCAN`);
const INVALID_SLOT: Reply = err("Invalid slot or number of keys");

/** What the reads of one command have found, until all are done or one of them says why not. */
class Gathering extends Later {
  readonly keys: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  readonly #onEnd: () => void;

  constructor(onEnd: () => void) {
    super(() => this.#end());
    this.#onEnd = onEnd;
  }

  get ended(): boolean {
    return this.#ended;
  }

  add(keys: readonly Uint8Array[]): void {
    for (const key of keys) {
      this.#bytes += KEYS_OVERHEAD_BYTES + key.length;
      this.keys.push(key);
    }
    if (this.#bytes > KEYS_BYTES_MAX) this.finish(TOO_MANY);
  }

  /** Of several that finish it the first counts. */
  finish(reply: Reply = array(this.keys.map(bulk))): void {
    if (this.#ended) return;
    this.#end();
    this.complete(reply);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onEnd();
  }
}

/** All shards are walked at the same time, each page by page. */
export function keys({ args, connection, connections }: LocalCall): Reply | Later {
  const [given] = args as readonly [Uint8Array];
  if (given.length > PATTERN_BYTES_MAX) return PATTERN_TOO_LONG;
  if (connections.walksOpen >= KEYS_AT_ONCE_MAX) return BUSY;
  const pattern = given.slice();
  const { node, facts } = connections;
  const until = facts.uptimeMs() + KEYS_MS_MAX;
  connections.walksOpen += 1;
  const gathering = new Gathering(() => {
    connections.walksOpen -= 1;
  });
  const byShard = new Map<GroupId, ShardSlots[]>();
  for (const range of slotsFor(connection, node)) {
    const ranges = byShard.get(range.group);
    if (ranges === undefined) byShard.set(range.group, [range]);
    else ranges.push(range);
  }
  let open = byShard.size;
  const walk = (ranges: readonly ShardSlots[], from: KeyPosition): void => {
    readKeys(connection, node, ranges, { from, keysMax: KEY_PAGE_KEYS_MAX, pattern }, (page) => {
      if (gathering.ended) return;
      if ("type" in page) return gathering.finish(page);
      gathering.add(page.keys);
      if (page.next !== undefined) {
        if (facts.uptimeMs() >= until) return gathering.finish(TOO_LONG);
        if (!gathering.ended) walk(ranges, page.next);
        return;
      }
      open -= 1;
      if (open === 0) gathering.finish();
    });
  };
  for (const ranges of byShard.values()) walk(ranges, { slot: (ranges[0] as ShardSlots).from, place: 0 });
  if (byShard.size === 0) gathering.finish();
  return gathering;
}

export function keysInSlot({ args, connection, connections }: LocalCall): Reply | Later {
  const [slot, count] = args.map(parseInt64);
  if (slot === undefined || count === undefined) return NOT_AN_INTEGER;
  if (slot < 0n || slot >= SLOT_COUNT || count < 0n) return INVALID_SLOT;
  const at = Number(slot) as Slot;
  const { node } = connections;
  const group = node.shardOf(at);
  const gathering = new Gathering(() => {});
  if (group === undefined || count === 0n) {
    gathering.finish();
    return gathering;
  }
  const ranges = [{ group, from: at, to: at }];
  const walk = (from: KeyPosition): void => {
    const left = Number(count) - gathering.keys.length;
    readKeys(
      connection,
      node,
      ranges,
      { from, keysMax: Math.min(left, KEY_PAGE_KEYS_MAX), pattern: undefined },
      (page) => {
        if (gathering.ended) return;
        if ("type" in page) return gathering.finish(page);
        gathering.add(page.keys.slice(0, left));
        if (page.next === undefined || page.keys.length >= left) gathering.finish();
        else if (!gathering.ended) walk(page.next);
      },
    );
  };
  walk({ slot: at, place: 0 });
  return gathering;
}
