import { createServer } from "node:net";

/**
 * Below the range from which the system takes ports for outgoing connections (32768.. on Linux): a node that is down
 * for a moment must not find that a client's connection has taken its port.
 */
const WORKERS_MAX = 4;
const PORTS_EACH = 5_000;
/** Test files that run at the same time take their ports from ranges of their own. */
const FROM: number = 12_000 + (Number(process.env["VITEST_POOL_ID"] ?? 0) % WORKERS_MAX) * PORTS_EACH;
const taken = new Set<number>();

/** Ports that are free on all loopback addresses, each given out once by this process. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FROM + Math.floor(Math.random() * PORTS_EACH);
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "0.0.0.0", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
