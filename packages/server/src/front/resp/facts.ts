import { arch, release, totalmem, type } from "node:os";
import type { DebugCommand, ServerFacts } from "../../core/session/index.ts";
import { hostSecrets } from "../../host/secrets.ts";

/** What the node was started with. */
export interface ProcessSettings {
  readonly directory?: string;
  readonly debugCommand?: DebugCommand;
}

/** What INFO says about this process. */
export const processFacts = (version: string, settings: ProcessSettings = {}): ServerFacts => ({
  version,
  processId: process.pid,
  system: `${type()} ${release()} ${arch()}`,
  nodeVersion: process.versions.node,
  wallMs: () => Date.now(),
  uptimeMs: () => performance.now(),
  memory() {
    const { rss, heapUsed, external } = process.memoryUsage();
    return { residentBytes: rss, heapBytes: heapUsed + external };
  },
  memoryBytes: totalmem(),
  secrets: hostSecrets,
  cpu() {
    const { user, system } = process.cpuUsage();
    return { userSeconds: user / 1e6, systemSeconds: system / 1e6 };
  },
  directory: settings.directory ?? "",
  debugCommand: settings.debugCommand ?? "no",
  stall: (ms) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms),
});
