import { encodeCommand } from "@sherd/client";
import type { Ground, Tally } from "../attack.ts";
import { RawSocket } from "../raw-socket.ts";

/** A value that an attack asks for. */
export async function put({ target }: Ground, key: string, value: Uint8Array, tally: Tally): Promise<void> {
  const socket = await RawSocket.dial(target.host, target.respPort);
  await socket.finish(encodeCommand(["SET", key, value]));
  if (socket.line !== "+OK") tally.fail("a value was NOT STORED");
}
