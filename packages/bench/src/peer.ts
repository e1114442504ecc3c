/**
 * What the peer transport costs: two processes on loopback, one sends, the other confirms each pass's messages.
 *
 *   node scripts/run.mjs packages/bench/dist/peer.js
 *
 * Beside each figure stands that of bare sockets, which write and read the same bytes in the same portions in the same
 * run, without frames or checksums: the ratio is what to compare, the absolute figures depend on the machine.
 */
import { type ChildProcess, fork } from "node:child_process";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { bootCounter, clusterId, directoryId, type NodeId, nodeId, TICK_MS } from "sherd/core/base";
import type { Env } from "sherd/core/env";
import type { NodeAddresses, NodeInfo } from "sherd/core/meta";
import { openPeers, type Peers } from "sherd/core/peer";
import { bindNetwork } from "sherd/host/net";

const WARM_UP_MS = 700;
const MEASURED_MS = 1_500;
const CASES = [
  { messageBytes: 100, batch: 1, window: 1 },
  { messageBytes: 100, batch: 16, window: 2 },
  { messageBytes: 100, batch: 256, window: 2 },
  { messageBytes: 4_096, batch: 16, window: 2 },
  { messageBytes: 100_000, batch: 1, window: 4 },
  { messageBytes: 1_000_000, batch: 1, window: 4 },
];
type Case = (typeof CASES)[number];

const HOST = "127.0.0.1";
const SENDER: NodeId = nodeId("a".repeat(40));
const RECEIVER: NodeId = nodeId("b".repeat(40));
const CONFIRMATION = new Uint8Array(1);

interface Measured {
  readonly messagesPerSecond: number;
  /** Both processes together. */
  readonly cpuUsPerMessage: number;
}

/** How one side sends a pass's messages, and hears that passes were received. */
interface Sender {
  sendPass(): void;
}

function environment(): Env {
  const absent = (): never => {
    throw new Error("peers do not use this");
  };
  return {
    monotonicMs: absent,
    wallMs: absent,
    random32: () => Math.floor(Math.random() * 0x1_0000_0000),
    checksum: (bytes, seed = 0) => crc32(bytes, seed),
    latin1: absent,
    deflate: absent,
    inflate: absent,
    requestPass: absent,
    fatal: (error) => {
      throw error;
    },
    log: (level, message) => {
      if (level !== "debug") process.stderr.write(`${message}\n`);
    },
  };
}

function addresses(peerPort: number): NodeAddresses {
  return { host: HOST, peerPort, respPort: 1, clusterPort: 1, grpcPort: 1, httpPort: 1 };
}

async function openNode(
  id: NodeId,
  members: readonly NodeInfo[],
  onMessage: (peers: Peers) => void,
  onUp: () => void,
): Promise<{ peers: Peers; port: number }> {
  const env = environment();
  const network = await bindNetwork({ host: HOST, port: 0, log: env.log });
  const self = {
    nodeId: id,
    clusterId: clusterId("c".repeat(40)),
    directoryId: directoryId(id),
    bootCounter: bootCounter(1),
    name: id.slice(0, 1),
    addresses: addresses(network.port),
  };
  const noDisk = { readFile: () => undefined, writeFile: () => undefined };
  const peers: Peers = openPeers(
    env,
    network,
    noDisk,
    { self, members, seeds: [] },
    {
      onMessage: () => onMessage(peers),
      onUp,
      onDown: () => undefined,
      onRefused: (code, detail) => {
        throw new Error(`${code}: ${detail}`);
      },
    },
  );
  setInterval(() => peers.tick(), TICK_MS).unref();
  return { peers, port: network.port };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

// --- the receiving process

async function receive(): Promise<void> {
  let { batch, messageBytes } = CASES[0] as Case;
  let received = 0;
  const { port } = await openNode(
    RECEIVER,
    [],
    (peers) => {
      received += 1;
      if (received < batch) return;
      received = 0;
      peers.send(SENDER, CONFIRMATION);
      peers.flush();
    },
    () => undefined,
  );
  const bare: Server = createServer({ noDelay: true }, (socket) => {
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
      for (; bytes >= batch * messageBytes; bytes -= batch * messageBytes) socket.write(CONFIRMATION);
    });
  });
  bare.listen(0, HOST, () => {
    const address = bare.address();
    process.send?.({ port, barePort: typeof address === "object" ? address?.port : undefined });
  });
  process.on("message", (next: Case | "cpu") => {
    if (next === "cpu") {
      process.send?.({ cpuUs: cpuUs() });
      return;
    }
    ({ batch, messageBytes } = next);
    received = 0;
    process.send?.({ ready: true });
  });
}

// --- the sending process

function ask<T>(child: ChildProcess, question: Case | "cpu"): Promise<T> {
  const answer = new Promise<T>((resolve) => {
    child.once("message", (message) => resolve(message as T));
  });
  child.send(question);
  return answer;
}

/** Keeps `window` passes under way; `confirmed` is called by the sender's connection. */
class Flow {
  readonly #sender: Sender;
  passes = 0;
  #running = true;
  #underWay = 0;
  #onIdle: (() => void) | undefined;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  readonly confirmed = (): void => {
    this.passes += 1;
    this.#underWay -= 1;
    if (this.#running) this.#pass();
    else if (this.#underWay === 0) this.#onIdle?.();
  };

  start(window: number): void {
    for (let i = 0; i < window; i += 1) this.#pass();
  }

  stop(): Promise<void> {
    this.#running = false;
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #pass(): void {
    this.#underWay += 1;
    this.#sender.sendPass();
  }
}

const elapse = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

async function measure(child: ChildProcess, flow: Flow, { batch, window }: Case): Promise<Measured> {
  flow.start(window);
  await elapse(WARM_UP_MS);
  const before = await ask<{ cpuUs: number }>(child, "cpu");
  const [passes, cpu, since] = [flow.passes, cpuUs(), performance.now()];
  await elapse(MEASURED_MS);
  const messages = (flow.passes - passes) * batch;
  const seconds = (performance.now() - since) / 1_000;
  const here = cpuUs() - cpu;
  const after = await ask<{ cpuUs: number }>(child, "cpu");
  await flow.stop();
  return {
    messagesPerSecond: messages / seconds,
    cpuUsPerMessage: (here + after.cpuUs - before.cpuUs) / messages,
  };
}

async function send(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ["receive"]);
  const { port, barePort } = await new Promise<{ port: number; barePort: number }>((resolve) => {
    child.once("message", (message) => resolve(message as { port: number; barePort: number }));
  });
  const receiver: NodeInfo = {
    id: RECEIVER,
    name: "b",
    addresses: addresses(port),
    bootCounter: bootCounter(0),
    directory: undefined,
  };
  let flow: Flow | undefined;
  const { promise: up, resolve: onUp } = withResolvers();
  const { peers } = await openNode(SENDER, [receiver], () => flow?.confirmed(), onUp);
  await up;
  const bare: Socket = connect({ host: HOST, port: barePort, noDelay: true });
  bare.on("data", (chunk) => {
    for (let i = 0; i < chunk.length; i += 1) flow?.confirmed();
  });

  process.stdout.write(
    "message bytes  a pass    messages/s      MB/s  CPU us/message  bare sockets: messages/s  CPU us\n",
  );
  for (const each of CASES) {
    const message = new Uint8Array(each.messageBytes).fill(7);
    const pass = new Uint8Array(each.messageBytes * each.batch).fill(7);
    await ask(child, each);
    flow = new Flow({
      sendPass: () => {
        for (let i = 0; i < each.batch; i += 1) peers.send(RECEIVER, message);
        peers.flush();
      },
    });
    const ours = await measure(child, flow, each);
    flow = new Flow({ sendPass: () => bare.write(pass) });
    const theirs = await measure(child, flow, each);
    process.stdout.write(`${line(each, ours, theirs)}\n`);
  }
  child.kill();
  process.exit(0);
}

function line({ messageBytes, batch }: Case, ours: Measured, bare: Measured): string {
  const rate = (value: number): string => Math.round(value).toLocaleString("en");
  return [
    String(messageBytes).padStart(13),
    String(batch).padStart(7),
    rate(ours.messagesPerSecond).padStart(13),
    ((ours.messagesPerSecond * messageBytes) / 1e6).toFixed(0).padStart(9),
    ours.cpuUsPerMessage.toFixed(2).padStart(15),
    rate(bare.messagesPerSecond).padStart(25),
    bare.cpuUsPerMessage.toFixed(2).padStart(7),
  ].join(" ");
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

await (process.argv[2] === "receive" ? receive() : send());
