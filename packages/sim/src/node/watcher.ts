import type { Slot } from "sherd/core/base";
import type { Log } from "sherd/core/log";
import type { Node } from "sherd/core/node";
import type { RaftWatcher } from "./observed-raft.ts";

/** What one command did to one key. */
export interface RowChange {
  readonly slot: Slot;
  readonly key: string;
  /** Undefined: deleted. */
  readonly row: { readonly version: number; readonly checksum: number; readonly expiresAtMs: number } | undefined;
}

/** What the checkers hear of one node. */
export interface NodeWatcher extends RaftWatcher {
  /** A command took effect while the entry at `index` was applied. */
  onEffect(index: number, slot: Slot, command: string, effect: string, changes: readonly RowChange[]): void;
  onPassEnd(node: Node): void;
  onProcessEnd(): void;
  /** The rows that the next process will find in the engine. */
  onImage(rows: ReadonlyMap<string, Uint8Array>): void;
  /** A process has opened its log: the log as its node uses it. */
  watchLog(log: Log): Log;
}
