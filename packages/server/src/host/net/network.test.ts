import { connect, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { SherdError } from "../../core/base/index.ts";
import type { Connection } from "../../core/env/index.ts";
import { bindNetwork, type HostNetwork } from "./index.ts";
import { Events, HOST, RealNode } from "./testing/peers.ts";

const open: HostNetwork[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((network) => network.close()));
});

async function bind(host: string = HOST): Promise<HostNetwork> {
  const network = await bindNetwork({ host, port: 0, log: () => undefined });
  open.push(network);
  return network;
}

/** Both ends of a connection over loopback. */
async function connected(): Promise<{ here: Events; near: Connection; there: Events; far: Connection }> {
  const [server, client] = [await bind(), await bind()];
  const [here, there] = [new Events(), new Events()];
  const accepted = new Promise<Connection>((resolve) => {
    server.listen((connection) => {
      resolve(connection);
      return there;
    });
  });
  const near = client.dial(HOST, server.port, here);
  await here.until(() => here.opened);
  return { here, near, there, far: await accepted };
}

test("bytes flow both ways, and closing one end ends the other", async () => {
  const { here, near, there, far } = await connected();
  expect(near.write(new Uint8Array([1, 2]))).toBe(true);
  await there.until(() => there.bytes === 2);
  far.write(new Uint8Array([3]));
  far.close();
  await here.until(() => here.reason !== undefined);
  expect(here.received).toEqual([new Uint8Array([3])]);
  expect(here.reason).toBe("ended");
  expect(there.reason).toBeUndefined();
});

test("more than the system takes at once: write says so, drain follows, all of it arrives", async () => {
  const { here, near, there } = await connected();
  const bytes = new Uint8Array(32_000_000).fill(5);
  expect(near.write(bytes)).toBe(false);
  expect(here.drains).toBe(0);
  await here.until(() => here.drains === 1);
  await there.until(() => there.bytes === bytes.length);
  expect(near.write(new Uint8Array(1))).toBe(true);
});

test("what was written before a close still arrives", async () => {
  const { near, there } = await connected();
  near.write(new Uint8Array(3_000_000));
  near.close();
  await there.until(() => there.reason !== undefined);
  expect(there.bytes).toBe(3_000_000);
});

test("an address where nobody listens refuses; by name too", async () => {
  const [network, gone] = [await bind(), await bind()];
  await gone.close();
  for (const host of [HOST, "localhost"]) {
    const events = new Events();
    network.dial(host, gone.port, events);
    await events.until(() => events.reason !== undefined);
    expect([host, events.reason]).toEqual([host, "refused"]);
  }
});

test("a name that does not resolve fails, and is not taken for refused", async () => {
  const network = await bind();
  const events = new Events();
  network.dial("no-such-host.invalid", 1, events);
  await events.until(() => events.reason !== undefined);
  expect(events.reason).toBe("failed");
});

test("a connection closed while it is made reports nothing", async () => {
  const [network, other] = [await bind(), await bind()];
  const events = new Events();
  network.dial(HOST, other.port, events).close();
  const after = new Events();
  other.listen(() => new Events());
  network.dial(HOST, other.port, after);
  await after.until(() => after.opened);
  expect([events.opened, events.reason]).toEqual([false, undefined]);
});

test("before core listens, whoever dials finds the process alive", async () => {
  const [network, starting] = [await bind(), await bind()];
  const events = new Events();
  network.dial(HOST, starting.port, events);
  await events.until(() => events.reason !== undefined);
  expect(events.reason).toBe("ended");
});

test("an address in use, and one that this machine does not have", async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, HOST, () => resolve((taken.address() as { port: number }).port));
  });
  const failure = (host: string, at: number): Promise<unknown> =>
    bindNetwork({ host, port: at, log: () => undefined }).catch((error: unknown) => error);
  expect(await failure(HOST, port)).toMatchObject({ code: "SHERD_ADDRESS_IN_USE" });
  const absent = await failure("192.0.2.1", 0);
  expect(absent).toBeInstanceOf(SherdError);
  expect(absent).toMatchObject({ code: "SHERD_CONFIG_INVALID" });
  taken.close();
});

// --- peers on real sockets

test("three nodes over loopback: messages of all sizes, then one leaves", async () => {
  const nodes: RealNode[] = [];
  for (const name of ["a", "b", "d"]) nodes.push(new RealNode(name, await bind()));
  const members = nodes.map((node) => node.info);
  for (const node of nodes) node.start(members);
  for (const node of nodes) await node.events.until(() => node.log.length === 2);
  const [a, b, d] = nodes as [RealNode, RealNode, RealNode];

  const sizes = [0, 1, 100, 70_000, 8_500_000, 3, 1_000_000];
  for (const [from, to] of [
    [a, b],
    [b, a],
    [d, b],
  ] as const) {
    const before = to.messages.length;
    for (const [i, size] of sizes.entries()) from.peers?.send(to.id, new Uint8Array(size).fill(i + 1));
    from.peers?.flush();
    await to.events.until(() => to.messages.length === before + sizes.length);
    for (const [i, size] of sizes.entries()) {
      const got = to.messages[before + i] as Uint8Array;
      expect(got.length).toBe(size);
      expect(got.every((byte) => byte === i + 1)).toBe(true);
    }
  }

  b.stop();
  await b.network.close();
  await a.events.until(() => a.log.length === 4);
  await d.events.until(() => d.log.length === 4);
  expect(a.log.slice(2)).toEqual(["down b", "gone b"]);
  expect(d.log.slice(2)).toEqual(["down b", "gone b"]);
  a.stop();
  d.stop();
});

test("a stranger on the peer port is shown the door", async () => {
  const node = new RealNode("a", await bind());
  node.start([]);
  const socket = connect(node.network.port, HOST);
  socket.write("GET / HTTP/1.1\r\nHost: sherd\r\n\r\n");
  socket.on("error", () => undefined);
  await new Promise((resolve) => {
    socket.once("close", resolve);
  });
  node.stop();
});
