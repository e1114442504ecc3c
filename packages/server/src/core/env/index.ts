/**
 * env: the interfaces through which core reaches the outside.
 *
 * Invariants
 * - Core asks, env answers later: a completion is an event, delivered on the node's thread and never inside the call
 *   that asked for it. (Start-up reads are the exception: they are synchronous, see `Disk`.)
 * - A completion means success. What fails on disk is given to `Env.fatal`, which does not return: a failed write or
 *   sync is never tried again on the same file, because the kernel may have dropped the pages and cleared the error.
 * - Everything non-deterministic comes through here, so the simulator decides it from its seed.
 *
 * It does not: implement anything. `src/host` does for real nodes, `packages/sim` for simulated ones.
 */
export type { Disk, DiskFile } from "./disk.ts";
export type { Engine, EngineBatch, EngineSnapshot, RangeOptions, RangeResult } from "./engine.ts";
export type { Env } from "./env.ts";
export type { PeerLinks, PeerLinksHandler } from "./links.ts";
export type { CloseReason, Connection, ConnectionHandler, Network } from "./network.ts";
