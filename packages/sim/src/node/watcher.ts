import type { Slot } from "sherd/core/base";
import type { Node } from "sherd/core/node";
import type { RaftWatcher } from "./observed-raft.ts";

/** What the checkers hear of one node. */
export interface NodeWatcher extends RaftWatcher {
  /** A command took effect while the entry at `index` was applied. */
  onEffect(index: number, slot: Slot, effect: string): void;
  onPassEnd(node: Node): void;
  onProcessEnd(): void;
}
