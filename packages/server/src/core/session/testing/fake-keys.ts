import { keySlot } from "@sherd/client/protocol";
import { latin1Bytes } from "../../base/index.ts";
import { array, bulk, integer, NIL, OK, type Reply } from "../../command/index.ts";
import {
  decodeKeyPageRequest,
  encodeKeyPageReply,
  FLUSH,
  KEY_PAGE,
  RANDOM_KEY,
  SHARD_KEYS,
  SLOT_KEYS,
} from "../../machine/index.ts";
import type { NodeApi, Request } from "../../node/index.ts";
import type { Row } from "../../store/index.ts";

/**
 * What a shard answers to questions about all of its keys, from a Map of the whole store. Undefined: the request is
 * another. A place is the number of keys of its slot that are done; patterns are not looked at.
 */
export function keysReply(node: NodeApi, rows: Map<string, Row>, request: Request): Reply | undefined {
  const group = node.shardOf(request.slot);
  const slotOf = (key: string): Request["slot"] => keySlot(latin1Bytes(key)) as Request["slot"];
  const keys = [...rows.keys()].filter((key) => node.shardOf(slotOf(key)) === group);
  switch (request.spec) {
    case FLUSH:
      for (const key of keys) rows.delete(key);
      return OK;
    case SHARD_KEYS:
      return integer(keys.length);
    case SLOT_KEYS:
      return integer(keys.filter((key) => slotOf(key) === request.slot).length);
    case RANDOM_KEY:
      return keys[0] === undefined ? NIL : bulk(latin1Bytes(keys[0]));
    case KEY_PAGE: {
      const page = decodeKeyPageRequest(request.args);
      if (page === undefined) return array([]);
      const inOrder = keys.map((key) => ({ key, slot: slotOf(key) })).sort((a, b) => a.slot - b.slot);
      const behind = inOrder.filter(({ slot }) => slot >= request.slot && slot <= page.toSlot).slice(page.place);
      const found = behind.slice(0, page.keysMax);
      const next = behind.length > found.length ? { slot: request.slot, place: page.place + found.length } : undefined;
      return encodeKeyPageReply({ keys: found.map(({ key }) => latin1Bytes(key)), examined: found.length, next });
    }
    default:
      return undefined;
  }
}
