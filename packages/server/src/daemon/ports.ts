import { createServer } from "node:net";
import { SherdError } from "../core/base/index.ts";
import { type ClusterFile, PORT_NAMES } from "./cluster-file.ts";

/** `host:port`, with the brackets that an IPv6 address needs. */
export const socketText = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/** `respPort` → `--resp-port`. */
const flagOf = (portName: string): string => `--${portName.replace("Port", "-port")}`;

/**
 * Tries every address of the file before any node is started, so that a busy port is one clear message and not a
 * half-started cluster. Another process may still take a port in between; then the node itself says so.
 */
export async function checkPortsFree(file: ClusterFile): Promise<void> {
  for (const node of file.nodes) {
    for (const which of PORT_NAMES) {
      const error = await tryListen(node.host, node[which]);
      if (error === undefined) continue;
      const where = `${socketText(node.host, node[which])} (${node.name}; ${flagOf(which)})`;
      if (error.code === "EADDRINUSE") throw new SherdError("SHERD_ADDRESS_IN_USE", `${where} is in use.`);
      throw new SherdError("SHERD_CONFIG_INVALID", `Cannot listen on ${where}: ${error.message}.`, { cause: error });
    }
  }
}

function tryListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error) => resolve(error));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
