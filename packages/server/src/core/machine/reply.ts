import { type ByteReader, type ByteWriter, InvariantViolation, unreachable, utf8, utf8Bytes } from "../base/index.ts";
import { NIL, NIL_ARRAY, OK, type Reply } from "../command/index.ts";

/** Replies as bytes: between nodes, and in sessions on disk. Tags are part of the format: never change or reuse one. */
const Tag = {
  ok: 1,
  simple: 2,
  nil: 3,
  integer: 4,
  bulk: 5,
  error: 6,
  array: 7,
  map: 8,
  set: 9,
  double: 10,
  boolean: 11,
  verbatim: 12,
  bigInteger: 13,
  nilArray: 14,
} as const;

export function encodeReply(out: ByteWriter, reply: Reply): void {
  switch (reply.type) {
    case "simple":
      if (reply === OK) return out.u8(Tag.ok);
      out.u8(Tag.simple);
      return out.block(utf8Bytes(reply.text));
    case "nil":
      return out.u8(Tag.nil);
    case "nilArray":
      return out.u8(Tag.nilArray);
    case "integer":
      if (typeof reply.value === "bigint") {
        out.u8(Tag.bigInteger);
        return out.block(utf8Bytes(String(reply.value)));
      }
      out.u8(Tag.integer);
      return out.f64(reply.value);
    case "bulk":
      out.u8(Tag.bulk);
      return out.block(reply.bytes);
    case "error":
      out.u8(Tag.error);
      out.block(utf8Bytes(reply.kind));
      return out.block(utf8Bytes(reply.text));
    case "array":
    case "set":
      out.u8(reply.type === "array" ? Tag.array : Tag.set);
      out.u32(reply.items.length);
      for (const item of reply.items) encodeReply(out, item);
      return;
    case "map":
      out.u8(Tag.map);
      out.u32(reply.entries.length);
      for (const [key, value] of reply.entries) {
        encodeReply(out, key);
        encodeReply(out, value);
      }
      return;
    case "double":
      out.u8(Tag.double);
      return out.f64(reply.value);
    case "boolean":
      out.u8(Tag.boolean);
      return out.u8(reply.value ? 1 : 0);
    case "verbatim":
      out.u8(Tag.verbatim);
      return out.block(utf8Bytes(reply.text));
    case "push":
    case "several":
      // Only commands of a connection answer so, and those are never sent on or kept.
      throw new InvariantViolation(`no shard answers ${reply.type}`);
    default:
      return unreachable(reply);
  }
}

/** Bulk bytes are views of the input. Throws `ShortInput` or `RangeError` on input that no `encodeReply` wrote. */
export function decodeReply(input: ByteReader): Reply {
  const tag = input.u8();
  switch (tag) {
    case Tag.ok:
      return OK;
    case Tag.simple:
      return { type: "simple", text: utf8(input.block()) };
    case Tag.nil:
      return NIL;
    case Tag.nilArray:
      return NIL_ARRAY;
    case Tag.integer:
      return { type: "integer", value: input.f64() };
    case Tag.bigInteger:
      return { type: "integer", value: decodeBigInteger(input.block()) };
    case Tag.bulk:
      return { type: "bulk", bytes: input.block() };
    case Tag.error:
      return { type: "error", kind: utf8(input.block()), text: utf8(input.block()) };
    case Tag.array:
      return { type: "array", items: decodeItems(input) };
    case Tag.set:
      return { type: "set", items: decodeItems(input) };
    case Tag.map: {
      const entries: [Reply, Reply][] = [];
      for (let left = input.u32(); left > 0; left -= 1) entries.push([decodeReply(input), decodeReply(input)]);
      return { type: "map", entries };
    }
    case Tag.double:
      return { type: "double", value: input.f64() };
    case Tag.boolean:
      return { type: "boolean", value: input.u8() === 1 };
    case Tag.verbatim:
      return { type: "verbatim", format: "txt", text: utf8(input.block()) };
    default:
      throw new RangeError(`reply tag ${tag}`);
  }
}

/** What `BigInt` accepts beyond digits (an empty text, a hexadecimal one) no `encodeReply` wrote. */
function decodeBigInteger(bytes: Uint8Array): bigint {
  const text = utf8(bytes);
  if (!/^-?\d{1,19}$/.test(text)) throw new RangeError("an integer reply that is none");
  return BigInt(text);
}

function decodeItems(input: ByteReader): Reply[] {
  const items: Reply[] = [];
  for (let left = input.u32(); left > 0; left -= 1) items.push(decodeReply(input));
  return items;
}
