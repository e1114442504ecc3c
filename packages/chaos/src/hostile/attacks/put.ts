import { encodeCommand } from "@sherd/client";
import type { Ground, Tally } from "../attack.ts";
import { RawSocket } from "../raw-socket.ts";

/** Refusals of a shard that has lost its leader, perhaps to the attack before: it finds another one. */
const MAY_BE_SENT_AGAIN = /^-(CLUSTERDOWN|INDETERMINATE|TRYAGAIN)/;
const LEADER_FOUND_MS = 30_000;

/** A value that an attack asks for. */
export async function put({ target }: Ground, key: string, value: Uint8Array, tally: Tally): Promise<void> {
  const untilMs = performance.now() + LEADER_FOUND_MS;
  for (;;) {
    const socket = await RawSocket.dial(target.host, target.respPort);
    await socket.finish(encodeCommand(["SET", key, value]));
    if (socket.line === "+OK") return;
    if (!MAY_BE_SENT_AGAIN.test(socket.line) || performance.now() > untilMs) break;
  }
  tally.fail("a value was NOT STORED");
}
