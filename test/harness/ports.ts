import { createServer } from "node:net";

/**
 * Below the range from which the system takes ports for outgoing connections (32768.. on Linux): a node that is down
 * for a moment must not find that a client's connection has taken its port.
 */
const FROM = 12_000;
const TO = 32_000;
const taken = new Set<number>();

/** Ports that are free on all loopback addresses, each given out once by this process. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
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
