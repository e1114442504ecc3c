import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import {
  bootCounter,
  clusterId,
  directoryId,
  type NodeId,
  nodeId,
  TICK_MS,
} from "../../packages/server/src/core/base/index.ts";
import type { Env } from "../../packages/server/src/core/env/index.ts";
import type { NodeInfo } from "../../packages/server/src/core/meta/index.ts";
import { openPeers, type Peers } from "../../packages/server/src/core/peer/index.ts";
import { bindNetwork } from "../../packages/server/src/host/net/index.ts";

const PROGRAM = fileURLToPath(new URL("programs/peer-node.mjs", import.meta.url));
const HOST = "127.0.0.1";
const HERE: NodeId = nodeId("a".repeat(40));
const CHILD: NodeId = nodeId("b".repeat(40));
const KILLS = 5;

function info(id: NodeId, peerPort: number): NodeInfo {
  const addresses = { host: HOST, peerPort, respPort: 1, clusterPort: 1, grpcPort: 1, httpPort: 1 };
  return { id, name: id.slice(0, 1), addresses, bootCounter: bootCounter(0), directory: undefined };
}

/** What this node was told about the child, each event with its time. */
class Watched {
  readonly events: { what: "up" | "down" | "gone"; atMs: number }[] = [];
  #wake: (() => void) | undefined;

  add(what: "up" | "down" | "gone"): void {
    this.events.push({ what, atMs: performance.now() });
    this.#wake?.();
  }

  async next(count: number): Promise<void> {
    while (this.events.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function startChild(port: number, boot: number, peer: NodeInfo): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(PROGRAM, [JSON.stringify({ id: CHILD, port, boot, peer })]);
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { child, port: message.port };
}

test("kill -9 of a process: its peer is told down, then gone, by the network alone", async () => {
  const network = await bindNetwork({ host: HOST, port: 0, log: () => undefined });
  const here = info(HERE, network.port);
  let { child, port } = await startChild(0, 1, here);
  const watched = new Watched();
  const env = {
    checksum: (bytes: Uint8Array, seed = 0) => crc32(bytes, seed),
    random32: () => 7,
    log: () => undefined,
  } as unknown as Env;
  const peers: Peers = openPeers(
    env,
    network,
    { readFile: () => undefined, writeFile: () => undefined },
    {
      self: {
        nodeId: HERE,
        clusterId: clusterId("c".repeat(40)),
        directoryId: directoryId(HERE),
        bootCounter: bootCounter(1),
        name: "here",
        addresses: here.addresses,
      },
      members: [info(CHILD, port)],
      seeds: [],
    },
    {
      onMessage: () => undefined,
      onUp: () => watched.add("up"),
      onDown: (_node, refused) => watched.add(refused ? "gone" : "down"),
      onRefused: (code) => {
        throw new Error(code);
      },
    },
  );
  const downMs: number[] = [];
  const goneMs: number[] = [];
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const ticks = setInterval(() => peers.tick(), TICK_MS);
    await watched.next(3 * kill - 2);
    // From here on this node's time stands still: what follows comes from the network, not from a retry.
    clearInterval(ticks);
    const killedMs = performance.now();
    child.kill("SIGKILL");
    await watched.next(3 * kill);
    downMs.push((watched.events.at(-2)?.atMs as number) - killedMs);
    goneMs.push((watched.events.at(-1)?.atMs as number) - killedMs);
    expect(watched.events.slice(-3).map((event) => event.what)).toEqual(["up", "down", "gone"]);
    if (kill < KILLS) ({ child, port } = await startChild(port, kill + 1, here));
  }
  peers.close();
  await network.close();
  const list = (delays: readonly number[]): string => delays.map((ms) => ms.toFixed(1)).join(", ");
  process.stdout.write(`kill -9: down after ${list(downMs)} ms, gone after ${list(goneMs)} ms\n`);
  // A few ms; the bound leaves room for other processes on the same cores, and is below an election by far.
  const typicalMs = goneMs.toSorted((left, right) => left - right)[KILLS >> 1] as number;
  expect(typicalMs).toBeLessThan(100);
});
