import {
  ELECTION_TICKS,
  GROUP_UNCOMMITTED_BYTES_MAX,
  HEARTBEAT_TICKS,
  NODE_RAFT_BYTES_MAX,
  RAFT_COMMITTED_BYTES_MAX,
  RAFT_INFLIGHT_MESSAGES_MAX,
  RAFT_MESSAGE_BYTES_MAX,
} from "../base/index.ts";
import { WasmRaftCore } from "./core.ts";
import { CoreInstance } from "./instance.ts";
import type { RaftCore, RaftCoreOptions, RaftImports } from "./types.ts";

/** The limits of `base/limits.ts`. */
export const RAFT_CORE_OPTIONS: RaftCoreOptions = {
  electionTicks: ELECTION_TICKS,
  heartbeatTicks: HEARTBEAT_TICKS,
  messageBytesMax: RAFT_MESSAGE_BYTES_MAX,
  inflightMessagesMax: RAFT_INFLIGHT_MESSAGES_MAX,
  uncommittedBytesMax: GROUP_UNCOMMITTED_BYTES_MAX,
  committedBytesMax: RAFT_COMMITTED_BYTES_MAX,
  nodeBytesMax: NODE_RAFT_BYTES_MAX,
};

/** The bytes of the last module that was compiled: a simulated cluster starts hundreds of cores from the same bytes. */
let compiled: { readonly bytes: Uint8Array; readonly module: WebAssembly.Module } | undefined;

/** `wasm`: the bytes of `packages/server/wasm/raft-core.wasm`, which the caller does not change afterwards. */
export function createRaftCore(wasm: Uint8Array, options: RaftCoreOptions, imports: RaftImports): RaftCore {
  if (compiled?.bytes !== wasm) compiled = { bytes: wasm, module: new WebAssembly.Module(wasm) };
  return new WasmRaftCore(new CoreInstance(compiled.module, options, imports));
}
