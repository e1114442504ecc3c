import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { request as requestTls } from "node:https";
import { join } from "node:path";
import { z } from "zod";
import { SherdError } from "../../core/base/index.ts";
import type { NodeAddresses } from "../../core/meta/index.ts";
import { lockHolder } from "../../host/disk/index.ts";
import type { ClientTls } from "../tls-options.ts";

/** Asking a node on this machine whether it is ready. */
const READY_TIMEOUT_MS = 1_000;

/** One node of a local cluster, as its data directory tells. */
export interface LocalNode extends RunFile {
  readonly name: string;
}

/** What a node writes into `run.json` at every start, as far as it is used here. */
interface RunFile {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly addresses: Pick<NodeAddresses, "host" | "clusterPort" | "httpPort">;
}

const port = z.int().min(1).max(65_535);
const runSchema: z.ZodType<RunFile> = z.object({
  pid: z.int().min(1),
  startedAtMs: z.number(),
  addresses: z.object({ host: z.string().min(1), clusterPort: port, httpPort: port }),
});

/** The local cluster, as the failover benchmark uses it; replaced in tests. */
export interface LocalNodes {
  list(): LocalNode[];
  /** Ends the node's process at once. Throws unless it is certain that the process is that node. */
  kill(node: LocalNode): Promise<void>;
  isReady(node: LocalNode): Promise<boolean>;
}

export function localNodes(data: string, tls?: ClientTls): LocalNodes {
  return {
    list: () => listNodes(data),
    async kill(node) {
      // run.json outlives its process and process ids are used again: only the lock's holder is certainly the node.
      const holder = await lockHolder(join(data, node.name));
      if (holder !== node.pid) {
        throw new SherdError("SHERD_LOCAL_CLUSTER", `${node.name} does not run as process ${node.pid} any more.`);
      }
      process.kill(node.pid, "SIGKILL");
    },
    isReady: (node) => isReady(node, tls),
  };
}

function listNodes(data: string): LocalNode[] {
  const nodes: LocalNode[] = [];
  for (const name of directoriesOf(data)) {
    const path = join(data, name, "run.json");
    const text = readIfThere(path);
    if (text === undefined) continue;
    const run = runSchema.safeParse(parseJson(text));
    if (!run.success) throw new SherdError("SHERD_LOCAL_CLUSTER", `${path} is not a node's run file.`);
    nodes.push({ name, ...run.data });
  }
  if (nodes.length === 0) throw new SherdError("SHERD_LOCAL_CLUSTER", `${data} holds no node that was started.`);
  return nodes;
}

function directoriesOf(data: string): string[] {
  try {
    const entries = readdirSync(data, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    throw new SherdError("SHERD_LOCAL_CLUSTER", `${data}: ${(error as Error).message}.`, { cause: error });
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema refuses it, with the file's name
  }
}

function isReady(node: LocalNode, tls: ClientTls | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const { host, httpPort } = node.addresses;
    const options = { host, port: httpPort, path: "/readyz", timeout: READY_TIMEOUT_MS, ...tls };
    const asked = (tls === undefined ? request : requestTls)(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on("timeout", () => asked.destroy());
    // A node that is down or starting refuses: that is the answer "not ready".
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
