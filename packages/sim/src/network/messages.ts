import type { NodeId } from "sherd/core/base";
import type { PeerLinks } from "sherd/core/env";
import type { Random, World } from "../world/index.ts";
import type { SimNetwork } from "./network.ts";

/** First byte of what the Raft core sends: docs/formats/messages.md. */
const RAFT = 1;
/** How much later than its turn a message may come that others overtake. */
const REORDER_MS_MAX = 60;

/**
 * Links that lose whole messages, as full queues do, and worse than any link would, repeat and reorder those of the Raft
 * core, which has to survive it.
 */
export function faultyLinks(
  links: PeerLinks,
  network: SimNetwork,
  world: World,
  random: Random,
  run: (body: () => void) => void,
): PeerLinks {
  const sendLater = (to: NodeId, message: Uint8Array): void => {
    const copy = message.slice();
    world.after(random.between(0, REORDER_MS_MAX), () =>
      run(() => {
        links.send(to, copy);
        links.flush();
      }),
    );
  };
  return {
    send(to, message) {
      const { lossProbability, reorderProbability, duplicateProbability } = network.options;
      if (random.chance(lossProbability)) return world.coverage.count("message lost");
      const raft = message[0] === RAFT;
      if (raft && random.chance(duplicateProbability)) {
        world.coverage.count("message sent twice");
        sendLater(to, message);
      }
      if (raft && random.chance(reorderProbability)) {
        world.coverage.count("message overtaken");
        sendLater(to, message);
      } else {
        links.send(to, message);
      }
    },
    flush: () => links.flush(),
    queuedBytes: (node) => links.queuedBytes(node),
    isUp: (node) => links.isUp(node),
  };
}
