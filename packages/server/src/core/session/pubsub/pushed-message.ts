import { utf8Bytes } from "../../base/index.ts";
import type { Reply } from "../../command/index.ts";
import { ReplyWriter, type RespVersion } from "../reply-writer.ts";

const bulk = (bytes: Uint8Array): Reply => ({ type: "bulk", bytes });

type MessageKind = "message" | "pmessage" | "smessage";

const KIND_BYTES: Readonly<Record<MessageKind, Uint8Array>> = {
  message: utf8Bytes("message"),
  pmessage: utf8Bytes("pmessage"),
  smessage: utf8Bytes("smessage"),
};

/** What subscribers are sent: written once for each version of RESP, however many they are. */
export class PushedMessage {
  readonly reply: Reply;
  #resp2: readonly Uint8Array[] | undefined;
  #resp3: readonly Uint8Array[] | undefined;

  /** The bytes are not copied and must not change. */
  constructor(kind: MessageKind, ...fields: readonly Uint8Array[]) {
    this.reply = { type: "push", items: [bulk(KIND_BYTES[kind]), ...fields.map(bulk)] };
  }

  /** In pieces, in order. */
  bytes(resp: RespVersion): readonly Uint8Array[] {
    if (resp === 2) this.#resp2 ??= this.#written(2);
    else this.#resp3 ??= this.#written(3);
    return (resp === 2 ? this.#resp2 : this.#resp3) as readonly Uint8Array[];
  }

  #written(resp: RespVersion): Uint8Array[] {
    const writer = new ReplyWriter();
    writer.resp = resp;
    writer.reply(this.reply);
    const pieces: Uint8Array[] = [];
    writer.drain((bytes) => {
      pieces.push(bytes);
      return false;
    });
    return pieces;
  }
}
