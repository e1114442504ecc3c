import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import type { Connection } from "../../core/env/index.ts";
import { type TlsFiles, TlsIdentity } from "../tls/index.ts";
import { type IssueOptions, TestAuthority } from "../tls/testing/authority.ts";
import { bindNetwork, type HostNetwork } from "./index.ts";
import { Events, HOST, RealNode } from "./testing/peers.ts";

interface Line {
  readonly message: string;
  readonly fields: Record<string, unknown> | undefined;
}

/** A node's network, and what it logged. */
interface Place {
  readonly network: HostNetwork;
  readonly lines: Line[];
  readonly tls: TlsIdentity | undefined;
  readonly files: TlsFiles;
}

async function place(
  authority: TestAuthority,
  name: string,
  options: IssueOptions & { ca?: string; plain?: true } = {},
): Promise<Place> {
  const issued = await authority.issue(name, options);
  const files = { ...issued, ca: options.ca ?? issued.ca };
  const lines: Line[] = [];
  const log = (_level: string, message: string, fields?: Record<string, unknown>): void =>
    void lines.push({ message, fields });
  const tls =
    options.plain === true ? undefined : await TlsIdentity.open({ files, use: "node", name: "peer port", log });
  const network = await bindNetwork({ host: HOST, port: 0, log, tls });
  onTestFinished(async () => {
    tls?.close();
    await network.close();
  });
  return { network, lines, tls, files };
}

/** Waits for a dial's end, which must come without a byte of core having passed. */
async function refusedDial(from: Place, to: Place): Promise<{ dialed: Events; accepted: number }> {
  let accepted = 0;
  to.network.listen(() => {
    accepted += 1;
    return new Events();
  });
  const dialed = new Events();
  from.network.dial(HOST, to.network.port, dialed);
  await dialed.until(() => dialed.reason !== undefined);
  return { dialed, accepted };
}

test("two nodes of one authority: bytes of all sizes, drain, and the end of one side", async () => {
  const authority = await TestAuthority.create();
  const [server, client] = [await place(authority, "a"), await place(authority, "b")];
  const [here, there] = [new Events(), new Events()];
  const accepted = new Promise<Connection>((resolve) => {
    server.network.listen((connection) => {
      resolve(connection);
      return there;
    });
  });
  const near = client.network.dial(HOST, server.network.port, here);
  await here.until(() => here.opened);
  const far = await accepted;
  expect(near.write(new Uint8Array(20_000_000).fill(5))).toBe(false);
  await here.until(() => here.drains === 1);
  await there.until(() => there.bytes === 20_000_000);
  far.write(new Uint8Array([3]));
  far.close();
  await here.until(() => here.reason !== undefined);
  expect(here.received).toEqual([new Uint8Array([3])]);
  expect([here.reason, there.reason]).toEqual(["ended", undefined]);
  expect(server.tls?.facts).toMatchObject({ handshakes: 1, failedHandshakes: 0, handshakesUnderWay: 0 });
});

test("peers find each other over TLS; a node that is gone is noticed at once", async () => {
  const authority = await TestAuthority.create();
  const nodes: RealNode[] = [];
  for (const name of ["a", "b", "d"]) nodes.push(new RealNode(name, (await place(authority, name)).network));
  const members = nodes.map((node) => node.info);
  for (const node of nodes) node.start(members);
  for (const node of nodes) await node.events.until(() => node.log.length === 2);
  const [a, b, d] = nodes as [RealNode, RealNode, RealNode];
  const sizes = [0, 1, 70_000, 8_500_000];
  for (const size of sizes) a.peers?.send(b.id, new Uint8Array(size));
  a.peers?.flush();
  await b.events.until(() => b.messages.length === sizes.length);
  expect(b.messages.map((message) => message.length)).toEqual(sizes);
  b.stop();
  await b.network.close();
  await a.events.until(() => a.log.length === 4);
  expect(a.log.slice(2)).toEqual(["down b", "gone b"]);
  a.stop();
  d.stop();
});

test("a node of another authority reaches nobody and is reached by nobody; both say why", async () => {
  const [ours, theirs] = [await TestAuthority.create("ours"), await TestAuthority.create("theirs")];
  const [node, stranger] = [await place(ours, "a"), await place(theirs, "x")];
  // It takes our certificate for good: only ours refuses.
  const lenient = await place(theirs, "y", { ca: theirs.write("both.pem", theirs.text + ours.text) });
  expect(await refusedDial(stranger, node)).toMatchObject({ dialed: { opened: false, reason: "failed" }, accepted: 0 });
  expect(await refusedDial(node, stranger)).toMatchObject({ dialed: { opened: false, reason: "failed" }, accepted: 0 });
  const { dialed, accepted } = await refusedDial(lenient, node);
  // TLS 1.3: the dialing side is done before the other one has looked at its certificate.
  expect([dialed.bytes, dialed.reason, accepted]).toEqual([0, "ended", 0]);
  const refusals = node.lines.filter(({ fields }) => fields?.["code"] === "SHERD_TLS_HANDSHAKE");
  expect(refusals.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^peer port: a client left during the TLS handshake/),
    expect.stringMatching(
      /^no TLS connection to the node at 127\.0\.0\.1:\d+: self-signed certificate in certificate chain$/,
    ),
    expect.stringMatching(/^peer port: the certificate of a client is refused: /),
  ]);
});

test("a certificate for clients only is no node's, and neither is an expired one or none; one without usages may be", async () => {
  const authority = await TestAuthority.create();
  const node = await place(authority, "a");
  let accepted = 0;
  node.network.listen(() => {
    accepted += 1;
    return new Events();
  });
  const client = await authority.issue("client", { usage: "client" });
  const expired = await authority.issue("expired", { notAfterMs: Date.now() - 1_000 });
  for (const shown of [client, expired, undefined]) {
    const pair = shown === undefined ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
    const socket = connectTls({ host: HOST, port: node.network.port, ca: authority.text, ...pair });
    socket.on("error", () => {}).resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(accepted).toBe(0);
  }
  expect(node.lines.some(({ message }) => message.includes("it is for clients only"))).toBe(true);
  expect(node.tls?.facts).toMatchObject({ handshakes: 0, failedHandshakes: 3, handshakesUnderWay: 0 });

  const unspecified = await place(authority, "u", { usage: "none" });
  const good = new Events();
  unspecified.network.dial(HOST, node.network.port, good);
  await good.until(() => good.opened);
});

test("plain text to a TLS port is closed with a line in the log, and TLS to a plain-text port fails", async () => {
  const authority = await TestAuthority.create();
  const [node, plain] = [await place(authority, "a"), await place(authority, "b", { plain: true })];
  let accepted = 0;
  node.network.listen(() => {
    accepted += 1;
    return new Events();
  });
  const socket = connect(node.network.port, HOST);
  socket.on("error", () => {});
  socket.write("sherd peers of an older setting");
  await once(socket, "close");
  expect(accepted).toBe(0);
  expect(node.lines.at(-1)).toMatchObject({
    message: "peer port: a client spoke plain text, and this port speaks TLS; its connection was closed",
    fields: { code: "SHERD_TLS_HANDSHAKE", kind: "PLAIN_TEXT" },
  });
  // Whoever accepts plain text reads a greeting that is none, and closes.
  plain.network.listen((connection) => {
    const events = new Events();
    events.onData = () => connection.close();
    return events;
  });
  const dialed = new Events();
  node.network.dial(HOST, plain.network.port, dialed);
  await dialed.until(() => dialed.reason !== undefined);
  expect(dialed.opened).toBe(false);
});

test("a dialed connection closed before its handshake is done reports nothing and leaves nothing", async () => {
  const authority = await TestAuthority.create();
  const [node, other] = [await place(authority, "a"), await place(authority, "b")];
  other.network.listen(() => new Events());
  const events = new Events();
  node.network.dial(HOST, other.network.port, events).close();
  const after = new Events();
  node.network.dial(HOST, other.network.port, after);
  await after.until(() => after.opened);
  expect([events.opened, events.reason]).toEqual([false, undefined]);
});

test("a rotation to a new authority needs no restart: both are trusted meanwhile, open connections go on", async () => {
  const [before, after] = [await TestAuthority.create("before"), await TestAuthority.create("after")];
  const both = before.write("both.pem", `${before.text}${after.text}`);
  const [server, client] = [await place(before, "a", { ca: both }), await place(before, "b", { ca: both })];
  const there = new Events();
  server.network.listen(() => there);
  const open = new Events();
  const near = client.network.dial(HOST, server.network.port, open);
  await open.until(() => open.opened);

  await after.replace(server.files, "a");
  await server.tls?.reload();
  const next = new Events();
  client.network.dial(HOST, server.network.port, next);
  await next.until(() => next.opened);
  near.write(new Uint8Array([1]));
  await there.until(() => there.bytes === 1);
  expect(open.reason).toBeUndefined();

  // The old authority is dropped, and with it who still has its certificate.
  before.write("both.pem", after.text);
  await server.tls?.reload();
  const late = new Events();
  client.network.dial(HOST, server.network.port, late);
  await late.until(() => late.reason !== undefined);
  expect(late.bytes).toBe(0);
  await after.replace(client.files, "b");
  await client.tls?.reload();
  const renewed = new Events();
  client.network.dial(HOST, server.network.port, renewed);
  await renewed.until(() => renewed.opened);
});
