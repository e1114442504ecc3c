import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectPlain, type Socket } from "node:net";
import { type ConnectionOptions, connect } from "node:tls";
import { promisify } from "node:util";
import {
  type ChannelCredentials,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { encodeCommand } from "@sherd/client/protocol";
import { Cluster, Redis } from "ioredis";
import { createClient } from "redis";
import { expect, test } from "vitest";
import { CONNECTION_OUTPUT_BYTES_PAUSE, VALUE_BYTES_MAX } from "../core/base/index.ts";
import { FakeNode } from "../core/session/testing/fake-node.ts";
import { TLS_HANDSHAKES_MAX, TLS_HANDSHAKES_PER_ADDRESS_MAX, type TlsFiles } from "../host/tls/index.ts";
import { TestAuthority } from "../host/tls/testing/authority.ts";
import type { Front } from "./listen.ts";
import { Client, HOST, Ports } from "./testing/tls-ports.ts";

const PROTO = new URL("../../proto/kvstore.proto", import.meta.url).pathname;
const run = promisify(execFile);

const pair = ({ cert, key }: TlsFiles): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(cert),
  key: readFileSync(key),
});

/** However it ends. */
function ended(socket: Socket): Promise<void> {
  socket.on("error", () => {}).resume();
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

// --- RESP

test("the largest value there and back over TLS, in a pipeline with others; TLS 1.2 and 1.3, nothing older", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const value = Buffer.alloc(VALUE_BYTES_MAX, "0123456789abcdef");
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const client = new Client(port, { ca: ports.ca, minVersion: version, maxVersion: version });
    const [ok, got, pong] = await client.call(["SET", "k", value], ["GET", "k"], ["PING"]);
    expect([ok, pong, client.socket.getProtocol()]).toEqual(["OK", "PONG", version]);
    expect(value.equals(got as Uint8Array)).toBe(true);
  }
  const old = new Client(port, {
    ca: ports.ca,
    minVersion: "TLSv1.1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  expect(await old.call(["PING"])).toEqual([]);
  expect(ports.tls.identity.facts).toMatchObject({ handshakes: 2, failedHandshakes: 1, handshakesUnderWay: 0 });
});

test("ioredis, node-redis and redis-cli over TLS; who does not trust the certificate does not connect", async () => {
  const ports = await Ports.open();
  const [forwarding, cluster] = [await ports.resp(), await ports.resp(true)];
  const self = { respPort: forwarding.port, clusterPort: cluster.port };
  ports.node.map = new FakeNode({ nodes: [self] }).map;
  const tls = { ca: ports.ca };

  const io = new Redis({ host: HOST, port: forwarding.port, tls });
  expect([await io.set("a", "1"), await io.get("a")]).toEqual(["OK", "1"]);
  io.disconnect();
  const routed = new Cluster([{ host: HOST, port: cluster.port }], { redisOptions: { tls } });
  expect([await routed.set("b", "2"), await routed.get("b")]).toEqual(["OK", "2"]);
  routed.disconnect();
  const nodeRedis = createClient({ socket: { host: HOST, port: forwarding.port, tls: true, ...tls } });
  await nodeRedis.connect();
  expect(await nodeRedis.get("a")).toBe("1");
  nodeRedis.destroy();
  const cli = await run("redis-cli", [
    "--tls",
    "--cacert",
    ports.authority.ca,
    "-h",
    HOST,
    "-p",
    `${cluster.port}`,
    "-c",
    "get",
    "b",
  ]);
  expect(cli.stdout).toBe("2\n");

  const distrustful = new Client(forwarding.port, {});
  const [error] = (await once(distrustful.socket, "error").catch((cause: unknown) => [cause])) as [
    NodeJS.ErrnoException,
  ];
  expect(error.code).toMatch(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/);
});

test("replies that pile up while a client does not read all arrive once it does, over TLS too", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const client = new Client(port, { ca: ports.ca });
  await client.call(["SET", "k", Buffer.alloc(CONNECTION_OUTPUT_BYTES_PAUSE / 2)]);
  client.socket.pause();
  const count = 60;
  for (let n = 0; n < count; n += 1) client.socket.write(encodeCommand(["GET", "k"]));
  const other = new Client(port, { ca: ports.ca });
  expect(await other.call(["PING"])).toEqual(["PONG"]);
  expect(ports.node.executed.length).toBeLessThan(count);
  client.socket.resume();
  expect(await client.replies(count)).toHaveLength(count);
  // As much as is held for a client, behind a small one that may not have left yet.
  await client.call(["SET", "k", Buffer.alloc(VALUE_BYTES_MAX)]);
  const [pong, values] = await client.call(["PING"], ["MGET", "k", "k"]);
  expect([pong, (values as Uint8Array[]).map((value) => value.length)]).toEqual([
    "PONG",
    [VALUE_BYTES_MAX, VALUE_BYTES_MAX],
  ]);
});

test("a command sent before the client closed its side is answered, over TLS too", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const client = new Client(port, { ca: ports.ca, allowHalfOpen: true });
  client.socket.end(encodeCommand(["PING"]));
  expect(await client.replies(1)).toEqual(["PONG"]);
  await ended(client.socket);
  await expect.poll(() => ports.connections.size).toBe(0);
});

test("plain text to a TLS port is closed at once, and said once", async () => {
  const ports = await Ports.open();
  const fronts = [await ports.resp(), await ports.grpc(), await ports.http()];
  for (const { port } of fronts) {
    for (const text of ["PING\r\n", "*1\r\n$4\r\nPING\r\n", "GET /healthz HTTP/1.1\r\n\r\n"]) {
      const socket = connectPlain(port, HOST);
      const closed = ended(socket);
      socket.write(text);
      await closed;
    }
  }
  expect(ports.warnings.map(({ message, fields }) => [message, fields["kind"]])).toEqual(
    ["RESP port", "gRPC port", "HTTP port"].map((what) => [
      `${what}: a client spoke plain text, and this port speaks TLS; its connection was closed`,
      "PLAIN_TEXT",
    ]),
  );
  expect(ports.tls.identity.facts.failedHandshakes).toBe(9);
});

test("CLUSTER SHARDS calls the port by the name that Redis has for it", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp(true);
  ports.node.map = new FakeNode({ nodes: [{ clusterPort: port }] }).map;
  const client = new Client(port, { ca: ports.ca });
  const [shards] = (await client.call(["CLUSTER", "SHARDS"])) as [[[unknown, unknown, unknown, [unknown[]]]]];
  const fields = shards[0][3][0].map((field) => (field instanceof Uint8Array ? Buffer.from(field).toString() : field));
  expect(fields[fields.indexOf("tls-port") + 1]).toBe(port);
  expect(fields).not.toContain("port");
});

// --- client certificates

test.each(["require", "optional", "no"] as const)("client certificates: %s", async (clientAuth) => {
  const ports = await Ports.open(clientAuth);
  const stranger = await TestAuthority.create("stranger");
  const shown = {
    good: pair(await ports.authority.issue("client", { usage: "client" })),
    expired: pair(await ports.authority.issue("late", { notAfterMs: Date.now() - 1_000 })),
    foreign: pair(await stranger.issue("foreign")),
    none: {},
  };
  const [resp, http, grpc] = [await ports.resp(), await ports.http(), await ports.grpc()];
  for (const [name, certificate] of Object.entries(shown)) {
    const welcome = clientAuth === "no" || name === "good" || (name === "none" && clientAuth === "optional");
    const tls = { ca: ports.ca, ...certificate };
    expect([name, await new Client(resp.port, tls).call(["PING"])]).toEqual([name, welcome ? ["PONG"] : []]);
    expect([name, await healthz(http.port, tls)]).toEqual([name, welcome ? 200 : undefined]);
    expect([name, await put(grpc.port, tls)]).toEqual([name, welcome]);
  }
  const refusals = ports.warnings.filter(({ message }) => message.includes("certificate of a client is refused"));
  expect(refusals.length).toBe(clientAuth === "no" ? 0 : 3);
});

function healthz(port: number, tls: ConnectionOptions): Promise<number | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: HOST, port, path: "/healthz", agent: false, ...tls }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on("error", () => resolve(undefined));
    asked.end();
  });
}

function grpcCredentials({ ca, cert, key }: ConnectionOptions): ChannelCredentials {
  return credentials.createSsl(ca as Buffer, (key as Buffer | undefined) ?? null, (cert as Buffer | undefined) ?? null);
}

/** Whether a call got through. */
async function put(port: number, tls: ConnectionOptions): Promise<boolean> {
  const { KVStore } = loadPackageDefinition(loadSync(PROTO, { keepCase: true, defaults: true }));
  const client = new (KVStore as ServiceClientConstructor)(`${HOST}:${port}`, grpcCredentials(tls), {
    "grpc.use_local_subchannel_pool": 1,
  });
  try {
    return await new Promise<boolean>((resolve, reject) => {
      const method = client["Put"] as (
        request: object,
        options: object,
        done: (error: Error | null, reply: { Success: boolean }) => void,
      ) => void;
      method.call(client, { Key: "g", Value: "7" }, { deadline: Date.now() + 10_000 }, (error, reply) => {
        if (error === null) resolve(reply.Success);
        else if (/UNAVAILABLE/.test(error.message)) resolve(false);
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}

// --- handshakes that go wrong

test("a client that never finishes its handshake holds nothing up, and closing does not wait for it", async () => {
  const ports = await Ports.open();
  const fronts = [await ports.resp(), await ports.http(), await ports.grpc()];
  const silent = fronts.map(({ port }) => connectPlain(port, HOST));
  const closed = silent.map(ended);
  await expect.poll(() => ports.tls.identity.facts.handshakesUnderWay).toBe(3);
  const client = new Client((fronts[0] as Front).port, { ca: ports.ca });
  expect(await client.call(["PING"])).toEqual(["PONG"]);
  await Promise.all([...fronts.map((front) => front.close()), ...closed]);
  await expect.poll(() => ports.tls.identity.facts.handshakesUnderWay).toBe(0);
});

test("handshakes under way are bounded; those that are open go on, and room comes back", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const client = new Client(port, { ca: ports.ca });
  await client.call(["PING"]);
  // As if so many were under way.
  ports.tls.identity.counts.handshakesUnderWay = TLS_HANDSHAKES_MAX;
  const turnedAway = new Client(port, { ca: ports.ca });
  expect(await turnedAway.call(["PING"])).toEqual([]);
  expect(ports.warnings[0]?.fields["kind"]).toBe("TOO_MANY");
  expect(ports.tls.identity.facts.failedHandshakes).toBe(1);
  expect(await client.call(["PING"])).toEqual(["PONG"]);
  ports.tls.identity.counts.handshakesUnderWay = 0;
  expect(await new Client(port, { ca: ports.ca }).call(["PING"])).toEqual(["PONG"]);
});

test("handshakes under way from one address leave room for those from others", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const { underWayFrom } = ports.tls.identity;
  const open = new Client(port, { ca: ports.ca });
  await open.call(["PING"]);
  expect([...underWayFrom]).toEqual([]);
  // As if so many were under way.
  underWayFrom.set(HOST, TLS_HANDSHAKES_PER_ADDRESS_MAX);
  expect(await new Client(port, { ca: ports.ca }).call(["PING"])).toEqual([]);
  expect(ports.warnings[0]?.message).toMatch(/512 TLS handshakes from its address are under way/);
  expect(await open.call(["PING"])).toEqual(["PONG"]);
  underWayFrom.set("192.0.2.1", TLS_HANDSHAKES_PER_ADDRESS_MAX);
  // One that ends in any way makes room.
  underWayFrom.set(HOST, TLS_HANDSHAKES_PER_ADDRESS_MAX - 1);
  const noise = connectPlain({ port, host: HOST });
  await once(noise, "connect");
  await expect.poll(() => underWayFrom.get(HOST), { timeout: 10_000 }).toBe(TLS_HANDSHAKES_PER_ADDRESS_MAX);
  noise.destroy();
  await expect.poll(() => underWayFrom.get(HOST), { timeout: 10_000 }).toBe(TLS_HANDSHAKES_PER_ADDRESS_MAX - 1);
  expect(await new Client(port, { ca: ports.ca }).call(["PING"])).toEqual(["PONG"]);
});

test("garbage in every phase of a handshake closes its own connection and no other", async () => {
  const ports = await Ports.open();
  const { port } = await ports.resp();
  const client = new Client(port, { ca: ports.ca });
  // A greeting that claims to be TLS, cut short, with noise behind it, or far too long.
  const greetings = [
    [0x16],
    [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3],
    [0x16, 3, 1, 0xff, 0xff],
    [0x16, 3, 3, 0, 4, 2, 0, 0, 0],
    [0x80, 0x2e, 1, 3, 1],
  ];
  for (const greeting of greetings) {
    const socket = connectPlain({ port, host: HOST, allowHalfOpen: false });
    const closed = ended(socket);
    socket.write(Buffer.concat([Buffer.from(greeting), Buffer.alloc(70_000, 0xa5)]));
    socket.end();
    await closed;
    expect(await client.call(["PING"])).toEqual(["PONG"]);
  }
  const left = connectPlain(port, HOST).end();
  await ended(left);
  const reset = connectPlain(port, HOST);
  await once(reset, "connect");
  reset.resetAndDestroy();
  await expect.poll(() => ports.tls.identity.facts.handshakesUnderWay).toBe(0);
  expect(ports.connections.size).toBe(1);
});

// --- reload

test("a certificate replaced under load: no connection is lost, new ones see the new certificate", async () => {
  const ports = await Ports.open();
  const fronts = { resp: await ports.resp(), http: await ports.http(), grpc: await ports.grpc() };
  const clients = Array.from({ length: 8 }, () => new Client(fronts.resp.port, { ca: ports.ca }));
  const before = ports.tls.identity.certificate.fingerprint;
  let stop = false;
  const answered = clients.map(async (client, at) => {
    let count = 0;
    while (!stop) {
      const replies = await client.call(["SET", `k${at}`, `${count}`], ["GET", `k${at}`]);
      expect(replies).toEqual(["OK", Buffer.from(`${count}`)]);
      count += 1;
    }
    return count;
  });
  for (let round = 0; round < 5; round += 1) {
    await ports.authority.replace(ports.files, "server");
    await ports.tls.identity.check();
    for (const [name, { port }] of Object.entries(fronts)) {
      const socket = connect({ host: HOST, port, ca: ports.ca, ALPNProtocols: name === "grpc" ? ["h2"] : [] });
      await once(socket, "secureConnect");
      expect([name, socket.getPeerX509Certificate()?.fingerprint256]).toEqual([
        name,
        ports.tls.identity.certificate.fingerprint,
      ]);
      // Reads to the end: a side that is reset may never have seen that its handshake was done.
      socket.end();
      await ended(socket);
    }
  }
  stop = true;
  for (const count of await Promise.all(answered)) expect(count).toBeGreaterThan(0);
  for (const client of clients) expect(client.socket.getPeerX509Certificate()?.fingerprint256).toBe(before);
  expect(ports.tls.identity.facts).toMatchObject({ reloads: 5, failedReloads: 0, failedHandshakes: 0 });
});
