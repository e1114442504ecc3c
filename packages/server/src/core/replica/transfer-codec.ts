import { ByteReader, ByteWriter } from "../base/index.ts";

/** Parts of a snapshot transfer between two replicas of a group (docs/formats/messages.md). */
export type TransferMessage =
  /** Whether the receiver takes a snapshot now: it answers `granted` or `refused`. */
  | { readonly type: "ask"; readonly id: number }
  | { readonly type: "chunk"; readonly id: number; readonly sequence: number; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly id: number; readonly chunks: number }
  /** MsgSnapshot itself: stepped by the receiver only if its rows are all staged. */
  | { readonly type: "install"; readonly id: number; readonly message: Uint8Array }
  | { readonly type: "ack"; readonly id: number; readonly chunks: number }
  | { readonly type: "staged"; readonly id: number }
  | { readonly type: "installed"; readonly id: number }
  | { readonly type: "refused"; readonly id: number }
  | { readonly type: "granted"; readonly id: number }
  /** The sender has given up. */
  | { readonly type: "cancelled"; readonly id: number }
  /** From either side, while it waits for its own disk. */
  | { readonly type: "alive"; readonly id: number };

const TYPES = [
  "ask",
  "chunk",
  "end",
  "install",
  "ack",
  "staged",
  "installed",
  "refused",
  "granted",
  "cancelled",
  "alive",
] as const;

export function encodeTransfer(message: TransferMessage): Uint8Array {
  const out = new ByteWriter(64);
  out.u8(TYPES.indexOf(message.type));
  out.u64(message.id);
  switch (message.type) {
    case "chunk":
      out.u32(message.sequence);
      out.block(message.bytes);
      break;
    case "end":
    case "ack":
      out.u32(message.chunks);
      break;
    case "install":
      out.block(message.message);
      break;
    default:
      break;
  }
  return out.copy();
}

/** Chunk and message bytes are copies: the frame they came in is reused. Throws `ShortInput` or `RangeError`. */
export function decodeTransfer(bytes: Uint8Array): TransferMessage {
  const input = new ByteReader(bytes);
  const type = TYPES[input.u8()];
  const id = input.u64();
  switch (type) {
    case "chunk":
      return { type, id, sequence: input.u32(), bytes: input.block().slice() };
    case "end":
    case "ack":
      return { type, id, chunks: input.u32() };
    case "install":
      return { type, id, message: input.block().slice() };
    case "ask":
    case "staged":
    case "installed":
    case "refused":
    case "granted":
    case "cancelled":
    case "alive":
      return { type, id };
    default:
      throw new RangeError("unknown part of a snapshot transfer");
  }
}
