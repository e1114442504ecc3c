import type { CommandSpec } from "sherd/core/command";
import type { Disk, Engine, PeerLinks } from "sherd/core/env";
import type { Log } from "sherd/core/log";
import type { Node } from "sherd/core/node";
import type { RaftCore } from "sherd/core/raft";
import type { Store } from "sherd/core/store";
import type { World } from "../world/index.ts";
import type { SimProcess } from "./process.ts";

/** What a deliberate bug may get its hands on. One object lives as long as its node. */
export interface Sabotaged {
  readonly world: World;
  readonly process: SimProcess;
}

export type CommandOf = (opcode: number) => CommandSpec | undefined;

/** A deliberate bug: what it wraps behaves wrongly. Production code is never changed for it. */
export interface Sabotage {
  disk?(disk: Disk, at: Sabotaged): Disk;
  engine?(engine: Engine, at: Sabotaged): Engine;
  log?(log: Log, at: Sabotaged): Log;
  store?(store: Store, at: Sabotaged): Store;
  raft?(raft: RaftCore, at: Sabotaged): RaftCore;
  links?(links: PeerLinks, at: Sabotaged): PeerLinks;
  /** What runs on the rows when an entry is applied, or a read is served. `wallMs`: the machine's clock. */
  commands?(commandOf: CommandOf, wallMs: () => number): CommandOf;
  /** What clients' connections speak to. */
  node?(node: Node, at: Sabotaged): Node;
  /** The rows as the next process of the machine finds them. */
  image?(rows: ReadonlyMap<string, Uint8Array>, machine: string): ReadonlyMap<string, Uint8Array>;
}
