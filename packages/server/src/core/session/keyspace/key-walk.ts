import { keySlot } from "@sherd/client/protocol";
import { compareBytes, PATTERN_BYTES_MAX, type Slot } from "../../base/index.ts";
import { type ErrorReply, err } from "../../command/index.ts";
import { decodeKeyPageReply, encodeKeyPageRequest, KEY_PAGE } from "../../machine/index.ts";
import type { NodeApi } from "../../node/index.ts";
import type { Connection } from "../connection.ts";
import { askShard, type ShardSlots } from "./shards.ts";

/** Where a walk over the keys stands: `place` as in `KeyPageRequest`. */
export interface KeyPosition {
  readonly slot: Slot;
  readonly place: number;
  /** The last key that the walk has answered with, if known. */
  readonly last?: Uint8Array | undefined;
}

export interface KeysWanted {
  readonly from: KeyPosition;
  readonly keysMax: number;
  readonly pattern: Uint8Array | undefined;
}

export interface KeysFound {
  readonly keys: readonly Uint8Array[];
  readonly examined: number;
  /** Undefined: there are no slots behind. */
  readonly next: KeyPosition | undefined;
}

export const PATTERN_TOO_LONG: ErrorReply = err(`the pattern is longer than ${PATTERN_BYTES_MAX} bytes`);
const NO_PAGE = err(
  "the shard's leader answered otherwise than asked: it runs another version of sherd than this node",
);

/**
 * One read of the shard that owns the next slots of the ranges (ascending). False: there are none, and `done` is never
 * called. Otherwise it is, perhaps at once.
 */
export function readKeys(
  connection: Connection,
  node: NodeApi,
  ranges: readonly ShardSlots[],
  { from, keysMax, pattern }: KeysWanted,
  done: (found: KeysFound | ErrorReply) => void,
): boolean {
  const at = ranges.findIndex(({ to }) => to >= from.slot);
  const range = ranges[at];
  if (range === undefined) return false;
  const behindStart = from.slot >= range.from;
  const slot = behindStart ? from.slot : range.from;
  const args = encodeKeyPageRequest({ place: behindStart ? from.place : 0, toSlot: range.to, keysMax, pattern });
  askShard(connection, node, KEY_PAGE, slot, args, (reply) => {
    if (reply.type === "error") return done(reply);
    const page = decodeKeyPageReply(reply);
    if (page === undefined) return done(NO_PAGE);
    const following = ranges[at + 1];
    const next = page.next ?? (following && { slot: following.from, place: 0 });
    const keys = notAnswered(page.keys, from);
    done({ keys, examined: page.examined, next: next && { ...next, last: keys.at(-1) ?? from.last } });
  });
  return true;
}

/** A leader that does not know the place begins its slot again, in the order of the keys: those up to the last come twice. */
function notAnswered(keys: readonly Uint8Array[], { slot, place, last }: KeyPosition): readonly Uint8Array[] {
  if (place === 0 || last === undefined || keySlot(last) !== slot) return keys;
  let at = 0;
  const again = (key: Uint8Array): boolean => keySlot(key) === slot && compareBytes(key, last) <= 0;
  while (at < keys.length && again(keys[at] as Uint8Array)) at += 1;
  return at === 0 ? keys : keys.slice(at);
}
