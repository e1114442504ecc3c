import { readFileSync } from "node:fs";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { type IssuedFiles, TestAuthority } from "../../server/src/host/tls/testing/authority.ts";
import { ClusterConnections } from "./cluster.ts";
import { RespConnection } from "./connection.ts";
import { bulk, type FakeHandler, FakeServer } from "./testing/fake-server.ts";

const HOST = "127.0.0.1";
const servers: FakeServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const pair = (files: IssuedFiles): { cert: Buffer; key: Buffer } => ({
  cert: readFileSync(files.cert),
  key: readFileSync(files.key),
});

async function serve(authority: TestAuthority, handler: FakeHandler, options: TlsOptions = {}): Promise<FakeServer> {
  const server = await FakeServer.start(handler, 0, { ...pair(await authority.issue("server")), ...options });
  servers.push(server);
  return server;
}

const echo: FakeHandler = (args) => bulk(args[1] ?? "");

test("a pipeline of large commands over TLS, each answered in its order", async () => {
  const authority = await TestAuthority.create();
  const server = await serve(authority, echo);
  const connection = await RespConnection.open({ host: HOST, port: server.port, tls: { ca: authority.text } });
  const texts = Array.from({ length: 50 }, (_, n) => `${n}:`.padEnd(100_000, "x"));
  const replies = await Promise.all(texts.map((text) => connection.call(["ECHO", text])));
  expect(replies.map((reply) => Buffer.from(reply as Uint8Array).toString())).toEqual(texts);
  connection.destroy();
});

test("commands sent before the handshake is done leave when it is", async () => {
  const authority = await TestAuthority.create();
  const server = await serve(authority, echo);
  const connection = new RespConnection({ host: HOST, port: server.port, resp: 2, tls: { ca: authority.text } });
  expect(await connection.call(["ECHO", "early"])).toEqual(new Uint8Array(Buffer.from("early")));
  connection.destroy();
});

test("a server that is not trusted, or is somebody else, gets no command, and they are told as not done", async () => {
  const [authority, other] = [await TestAuthority.create(), await TestAuthority.create("other")];
  const server = await serve(authority, echo);
  const cases: [string, ConnectionOptions, RegExp][] = [
    [HOST, { ca: other.text }, /unable to verify|self-signed/],
    [HOST, {}, /unable to verify|self-signed/],
    [HOST, { ca: authority.text, servername: "elsewhere.example" }, /altnames/],
  ];
  for (const [host, tls, message] of cases) {
    const connection = new RespConnection({ host, port: server.port, tls });
    const error = await connection.call(["SET", "k", "v"]).catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: "SHERD_CLIENT_CONNECT",
      outcome: "not-done",
      message: expect.stringMatching(message),
    });
  }
  expect(server.commands).toEqual([]);
});

test("a plain-text server, and one that goes silent in the handshake, are errors of connecting", async () => {
  const plain = await FakeServer.start(() => undefined);
  servers.push(plain);
  const connection = new RespConnection({ host: HOST, port: plain.port, connectTimeoutMs: 200, tls: {} });
  await expect(connection.whenOpen()).rejects.toMatchObject({ code: "SHERD_CLIENT_CONNECT", outcome: "not-done" });
});

test("a client shows its certificate; a cluster's connections all speak TLS", async () => {
  const authority = await TestAuthority.create();
  let port = 0;
  const slots = (): string => `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n${bulk(HOST)}:${port}\r\n${bulk("n".repeat(40))}`;
  const handler: FakeHandler = ([name]) => (name === "CLUSTER" ? slots() : name === "GET" ? bulk("v") : undefined);
  const server = await serve(authority, handler, { ca: authority.text, requestCert: true, rejectUnauthorized: true });
  port = server.port;
  const client = pair(await authority.issue("client", { usage: "client" }));
  const tls = { ca: authority.text, ...client };
  const cluster = new ClusterConnections({ seeds: [{ host: HOST, port }], connection: { tls } });
  await cluster.refresh();
  expect(await cluster.call(Buffer.from("k"), ["GET", "k"])).toEqual(new Uint8Array(Buffer.from("v")));
  cluster.destroy();
});
