import {
  KEY_PAGE_KEYS_MAX,
  latin1,
  PATTERN_BYTES_MAX,
  SCAN_BYTES_MAX,
  SCAN_MS,
  SCAN_READS_MAX,
  SLOT_COUNT,
  type Slot,
} from "../../base/index.ts";
import {
  array,
  bulk,
  bulkText,
  err,
  NOT_AN_INTEGER,
  parseInt64,
  type Reply,
  SYNTAX_ERROR,
  word,
} from "../../command/index.ts";
import { PLACES_END } from "../../machine/index.ts";
import type { LocalCall } from "../answers/types.ts";
import { Later } from "../later.ts";
import { type KeyPosition, PATTERN_TOO_LONG, readKeys } from "./key-walk.ts";
import { slotsFor } from "./shards.ts";

/*
 * SCAN. A cursor is the slot that comes next and, if the walk stands within it, a number that the slot's leader gave for
 * the place: slot + 16384 * number, below 2^53 so that clients which take it for a double are right. The leader remembers
 * a bounded number of places; cursors between slots, and so all of them where slots are small, need none.
 *
 * Guarantee: a key that is there from the first call to the last is returned at least once.
 * - Slots are walked in ascending order, each from its first key to its last, in the order of the keys' bytes.
 * - What one read of a shard covers - from where the cursor stands up to where the next one does - it shows completely, as
 *   of one moment. A key that stays lies in the part of some read, and is there at that moment.
 * - A number that is not known (the leader changed or started again, or the place gave way to newer ones) begins the slot
 *   again: nothing is skipped, some keys come twice. Numbers of different replicas do not meet (`replica/key-places`).
 * It ends: every call gets on by at least one key or slot, unless it begins a slot again; so as soon as leaders stay.
 */

const INVALID_CURSOR = err("invalid cursor");
const COUNT_DEFAULT = 10;

const START: KeyPosition = { slot: 0 as Slot, place: 0 };

interface ScanOptions {
  readonly from: KeyPosition;
  readonly pattern: Uint8Array | undefined;
  readonly count: number;
  /** TYPE of something that no key is. */
  readonly nothing: boolean;
}

export function scan({ args, connection, connections }: LocalCall): Reply | Later {
  const options = scanOptions(args);
  if ("type" in options) return options;
  if (options.nothing) return cursorAndKeys(undefined, []);
  const { node, facts } = connections;
  const { pattern, count } = options;
  const until = facts.uptimeMs() + SCAN_MS;
  const keys: Uint8Array[] = [];
  let examined = 0;
  let bytes = 0;
  let reads = 0;
  let gone = false;
  const later = new Later(() => {
    gone = true;
  });
  const ranges = slotsFor(connection, node);
  const readOn = (from: KeyPosition): void => {
    const keysMax = Math.min(count - examined, KEY_PAGE_KEYS_MAX);
    const asked = readKeys(connection, node, ranges, { from, keysMax, pattern }, (page) => {
      if (gone) return;
      if ("type" in page) return later.complete(page);
      reads += 1;
      examined += page.examined;
      for (const key of page.keys) {
        bytes += key.length;
        keys.push(key);
      }
      const enough = examined >= count || bytes >= SCAN_BYTES_MAX || reads >= SCAN_READS_MAX;
      if (page.next === undefined || enough || facts.uptimeMs() >= until) {
        return later.complete(cursorAndKeys(page.next, keys));
      }
      readOn(page.next);
    });
    if (!asked) later.complete(cursorAndKeys(undefined, keys));
  };
  readOn(options.from);
  return later;
}

const cursorAndKeys = (next: KeyPosition | undefined, keys: readonly Uint8Array[]): Reply =>
  array([bulkText(next === undefined ? "0" : String(next.place * SLOT_COUNT + next.slot)), array(keys.map(bulk))]);

function scanOptions(args: readonly Uint8Array[]): ScanOptions | Reply {
  const from = positionOf(args[0] as Uint8Array);
  if (from === undefined) return INVALID_CURSOR;
  let pattern: Uint8Array | undefined;
  let count = COUNT_DEFAULT;
  let nothing = false;
  for (let at = 1; at < args.length; at += 2) {
    const value = args[at + 1];
    if (value === undefined) return SYNTAX_ERROR;
    switch (word(args[at] as Uint8Array)) {
      case "count": {
        const given = parseInt64(value);
        if (given === undefined) return NOT_AN_INTEGER;
        if (given < 1n) return SYNTAX_ERROR;
        count = Number(given);
        break;
      }
      case "match":
        if (value.length > PATTERN_BYTES_MAX) return PATTERN_TOO_LONG;
        // A copy: it is sent with every read.
        pattern = value.slice();
        break;
      case "type":
        nothing = word(value) !== "string";
        break;
      default:
        return SYNTAX_ERROR;
    }
  }
  return { from, pattern, count, nothing };
}

const CURSOR = /^\d{1,20}$/;
const CURSOR_END = 2n ** 64n;

/** Undefined: no cursor. One that was not given here begins its slot: it may be of another store. */
function positionOf(bytes: Uint8Array): KeyPosition | undefined {
  const text = bytes.length <= 20 ? latin1(bytes) : "";
  if (!CURSOR.test(text)) return undefined;
  const cursor = BigInt(text);
  if (cursor >= CURSOR_END) return undefined;
  if (cursor === 0n) return START;
  const place = cursor / BigInt(SLOT_COUNT);
  return { slot: Number(cursor % BigInt(SLOT_COUNT)) as Slot, place: place < PLACES_END ? Number(place) : 0 };
}
