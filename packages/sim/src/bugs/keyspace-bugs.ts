import type { EngineBatch } from "sherd/core/env";
import { KEY_PAGE } from "sherd/core/machine";
import { replaceMethods, type Sabotage } from "../node/index.ts";

/** docs/formats/store.md: when a key ends. */
const ENDING = 0x42;

/** Keys that end are not found again: they are never removed. */
export const endingsLost: Sabotage = {
  engine: (engine) =>
    replaceMethods(engine, {
      batch() {
        const batch = engine.batch();
        return replaceMethods<EngineBatch>(batch, {
          put(key, value) {
            if (key[6] !== ENDING) batch.put(key, value);
          },
        });
      },
    }),
};

/** The last key of each page is left out, and the walk goes on behind it. */
export const scanSkips: Sabotage = {
  node: (node) =>
    replaceMethods(node, {
      execute(request) {
        if (request.spec !== KEY_PAGE) return node.execute(request);
        return node.execute(
          replaceMethods(request, {
            complete(reply) {
              const items = reply.type === "array" ? reply.items.slice() : [];
              const keys = items.at(-1);
              if (reply.type !== "array" || keys?.type !== "array") return request.complete(reply);
              items[items.length - 1] = { ...keys, items: keys.items.slice(0, -1) };
              request.complete({ ...reply, items });
            },
          }),
        );
      },
    }),
};
