import { arch, release, type } from "node:os";
import { hostSecrets } from "../../host/secrets.ts";
import type { ServerFacts } from "../../core/session/index.ts";

/** What INFO says about this process. */
export const processFacts = (version: string): ServerFacts => ({
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
  secrets: hostSecrets,
  cpu() {
    const { user, system } = process.cpuUsage();
    return { userSeconds: user / 1e6, systemSeconds: system / 1e6 };
  },
});
