import { utf8Bytes } from "../base/index.ts";
import { ONE, type Reply, ZERO } from "./types.ts";

/** Replies that many commands make. */

export const integer = (value: number): Reply => (value === 0 ? ZERO : value === 1 ? ONE : { type: "integer", value });
export const bulk = (bytes: Uint8Array): Reply => ({ type: "bulk", bytes });
export const bulkText = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
export const array = (items: readonly Reply[]): Reply => ({ type: "array", items });

/** At least what a reply costs besides its bytes, also in a session's row. */
const REPLY_OVERHEAD_BYTES = 32;

/** About what a reply takes in memory, or on its way. */
export function replyBytes(reply: Reply): number {
  switch (reply.type) {
    case "bulk":
      return REPLY_OVERHEAD_BYTES + reply.bytes.length;
    case "array":
    case "set":
    case "push":
      return reply.items.reduce((bytes, item) => bytes + replyBytes(item), REPLY_OVERHEAD_BYTES);
    case "map":
      return reply.entries.reduce(
        (bytes, [key, value]) => bytes + replyBytes(key) + replyBytes(value),
        REPLY_OVERHEAD_BYTES,
      );
    case "several":
      return reply.replies.reduce((bytes, one) => bytes + replyBytes(one), REPLY_OVERHEAD_BYTES);
    case "error":
    case "verbatim":
      return REPLY_OVERHEAD_BYTES + reply.text.length;
    default:
      return REPLY_OVERHEAD_BYTES;
  }
}
