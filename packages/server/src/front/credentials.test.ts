import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { afterEach, expect, test, vi } from "vitest";
import { testSecrets } from "../core/access/testing/rules.ts";
import { AUTH_FAILURES_MAX, LEADERLESS_HOLD_MS } from "../core/base/index.ts";
import { errorReply } from "../core/command/index.ts";
import { Connections } from "../core/session/index.ts";
import { FakeClient, testFacts } from "../core/session/testing/fake-client.ts";
import { FakeNode } from "../core/session/testing/fake-node.ts";
import { startGrpc } from "./grpc/index.ts";
import { OPEN_MESSAGE_BYTES_MAX } from "./grpc/limits.ts";
import { startHttp } from "./http/index.ts";

const HOST = "127.0.0.1";
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

interface World {
  readonly node: FakeNode;
  readonly admin: FakeClient;
  readonly grpcPort: number;
  http(path: string, authorization?: string): Promise<number>;
  /** What a call of the service comes to: its status, or OK. */
  grpc(method: "Get" | "Put" | "Delete", key: string, authorization?: string): Promise<string>;
}

const start = (...users: string[]): Promise<World> => startOn(new FakeNode({ shards: 1 }), ...users);

async function startOn(node: FakeNode, ...users: string[]): Promise<World> {
  const connections = new Connections(node, { ...testFacts, secrets: testSecrets });
  const admin = new FakeClient(connections);
  for (const user of users) expect(admin.ask("ACL", "SETUSER", ...user.split(" "))).toBe("OK");
  const { access } = connections;
  const http = await startHttp(node, { host: HOST, port: 0, access });
  const grpc = await startGrpc(node, { host: HOST, port: 0, access });
  const client = new Client(`${HOST}:${grpc.port}`, credentials.createInsecure());
  closing.push(
    () => http.close(),
    () => grpc.close(),
    () => client.close(),
  );
  return {
    node,
    admin,
    grpcPort: grpc.port,
    async http(path, authorization) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      return (await fetch(`http://${HOST}:${http.port}${path}`, { headers })).status;
    },
    grpc(method, key, authorization) {
      const metadata = new Metadata();
      if (authorization !== undefined) metadata.set("authorization", authorization);
      // One field, a string, in each of the requests: its first is the key.
      const request = Buffer.concat([Buffer.from([0x0a, key.length]), Buffer.from(key)]);
      const bytes = (value: Buffer): Buffer => value;
      return new Promise((resolve) => {
        client.makeUnaryRequest(`/KVStore/${method}`, bytes, bytes, request, metadata, (error: ServiceError | null) =>
          resolve(error === null ? "OK" : (status[error.code] as string)),
        );
      });
    },
  };
}

test("without users nobody is asked", async () => {
  const { grpc, http } = await start();
  expect(await grpc("Put", "a")).toBe("OK");
  expect([await http("/status"), await http("/healthz")]).toEqual([200, 200]);
  expect(await grpc("Get", "a", basic("nobody", "x"))).toBe("UNAUTHENTICATED");
});

test("gRPC: the same users, passwords and rules as a connection's", async () => {
  const { grpc, node, admin } = await start("alice on >pw ~app:* +get +set", "default >secret");
  expect(await grpc("Get", "app:1")).toBe("UNAUTHENTICATED");
  expect(await grpc("Get", "app:1", basic("alice", "wrong"))).toBe("UNAUTHENTICATED");
  expect(await grpc("Get", "app:1", "Bearer abc")).toBe("UNAUTHENTICATED");
  expect(await grpc("Get", "app:1", basic("alice", "pw"))).toBe("OK");
  expect(await grpc("Put", "app:1", basic("alice", "pw"))).toBe("OK");
  expect(await grpc("Get", "other", basic("alice", "pw"))).toBe("PERMISSION_DENIED");
  expect(await grpc("Delete", "app:1", basic("alice", "pw"))).toBe("PERMISSION_DENIED");
  expect(await grpc("Delete", "app:1", basic("default", "secret"))).toBe("OK");
  expect([...node.rows.keys()]).toEqual([]);
  expect(node.complaints[0]).toMatchObject({ user: "alice", address: HOST, protocol: "gRPC" });
  const entries = admin.ask("ACL", "LOG") as unknown[][];
  expect(entries.map((entry) => [entry[3], entry[7], entry[9]])).toEqual([
    ["command", "del", "alice"],
    ["key", "other", "alice"],
    ["auth", "gRPC", ""],
    ["auth", "gRPC", "alice"],
  ]);
  expect(admin.ask("ACL", "SETUSER", "alice", "off")).toBe("OK");
  expect(await grpc("Get", "app:1", basic("alice", "pw"))).toBe("UNAUTHENTICATED");
});

test("gRPC: a stranger is answered before its message has come, of which there may be megabytes", async () => {
  const { grpcPort, grpc } = await start("default >secret");
  const session = connectHttp2(`http://${HOST}:${grpcPort}`);
  closing.push(() => session.destroy());
  for (const authorization of [undefined, basic("default", "wrong")]) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/KVStore/Put",
      "content-type": "application/grpc",
      te: "trailers",
      ...(authorization !== undefined && { authorization }),
    });
    // 8 MiB are announced and never sent.
    stream.write(Buffer.from([0, 0, 0x80, 0, 0, 0x0a]));
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers["grpc-status"]).toBe(String(status.UNAUTHENTICATED));
    stream.close();
  }
  expect(await grpc("Get", "a", basic("default", "secret"))).toBe("OK");
});

test("gRPC: health and reflection take small messages only, so that streams of strangers hold little", async () => {
  const { grpcPort } = await start();
  const session = connectHttp2(`http://${HOST}:${grpcPort}`);
  closing.push(() => session.destroy());
  const health = "/grpc.health.v1.Health/Check";
  for (const path of [health, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"]) {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(OPEN_MESSAGE_BYTES_MAX + 1, 1);
    // The message itself never comes.
    stream.write(prefix);
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    expect(headers["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    stream.close();
  }
  // Compressed it is small.
  const stream = session.request({
    ":method": "POST",
    ":path": health,
    "content-type": "application/grpc",
    "grpc-encoding": "gzip",
    te: "trailers",
  });
  const compressed = gzipSync(Buffer.alloc(OPEN_MESSAGE_BYTES_MAX + 1));
  const prefix = Buffer.from([1, 0, 0, 0, 0]);
  prefix.writeUInt32BE(compressed.length, 1);
  stream.end(Buffer.concat([prefix, compressed]));
  const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
  expect(headers["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
});

test("gRPC: guessing ends, as in RESP: too many wrong passwords in a row close the connection", async () => {
  const { grpcPort } = await start("alice on >pw ~* +@all", "default >secret");
  const session = connectHttp2(`http://${HOST}:${grpcPort}`);
  session.on("error", () => {});
  closing.push(() => session.destroy());
  const closed = once(session, "close");
  const call = async (password: string): Promise<unknown> => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/KVStore/Get",
      "content-type": "application/grpc",
      te: "trailers",
      authorization: basic("alice", password),
    });
    stream.end(Buffer.from([0, 0, 0, 0, 3, 0x0a, 1, 0x61]));
    stream.resume();
    const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
    return headers["grpc-status"] ?? "message";
  };
  const wrong = String(status.UNAUTHENTICATED);
  for (let n = 1; n < AUTH_FAILURES_MAX; n += 1) expect(await call("guess")).toBe(wrong);
  // Somebody else's, through a proxy.
  expect(await call("pw")).toBe("message");
  for (let n = 1; n < AUTH_FAILURES_MAX; n += 1) expect(await call("guess")).toBe(wrong);
  expect(session.closed).toBe(false);
  // Its answer may be lost with the connection.
  await Promise.race([call("guess"), closed]);
  await closed;
});

test("gRPC and HTTP while the node has not heard who may come in: calls wait a moment, then are told to come again", async () => {
  const list = [{ name: "alice", rules: `on #${testSecrets.sha256Hex(Buffer.from("pw"))} ~* &* +@all` }];
  const node = new FakeNode({ shards: 1, mapIsCurrent: false, users: { version: 5, list } });
  const { grpc, http } = await startOn(node);
  const waited = grpc("Get", "a");
  // Known as of the last start: it does not wait, and so the one before has come.
  expect(await grpc("Get", "a", basic("alice", "pw"))).toBe("OK");
  expect(await grpc("Get", "a", basic("alice", "other"))).toBe("UNAVAILABLE");
  expect(node.complaints).toEqual([]);
  node.tick(1_000);
  node.tick(1_000 + LEADERLESS_HOLD_MS);
  expect(await waited).toBe("UNAVAILABLE");
  expect(await grpc("Put", "a")).toBe("UNAVAILABLE");
  expect([...node.rows.keys()]).toEqual([]);
  // How the node is can be seen by those who could last.
  expect([await http("/status"), await http("/healthz")]).toEqual([200, 200]);
  expect(await http("/status", basic("alice", "other"))).toBe(503);
  node.hearOfMap();
  expect(await grpc("Put", "a")).toBe("OK");
});

test("gRPC: a call that waited is let in when it is heard that everybody is", async () => {
  const node = new FakeNode({ shards: 1, mapIsCurrent: false });
  const { grpc } = await startOn(node);
  const waited = grpc("Put", "a");
  expect(await grpc("Get", "a", basic("nobody", "x"))).toBe("UNAVAILABLE");
  node.hearOfMap();
  expect(await waited).toBe("OK");
});

test("gRPC: a call that is tried again runs by the rules of that moment", async () => {
  const { grpc, node, admin } = await start("alice on >pw ~* +@all", "default >secret");
  node.reply = () => errorReply("TRYAGAIN", "not now");
  const call = grpc("Put", "a", basic("alice", "pw"));
  await vi.waitFor(() => expect(node.executed).toContain("set"));
  expect(admin.ask("AUTH", "secret")).toBe("OK");
  expect(admin.ask("ACL", "SETUSER", "alice", "-set")).toBe("OK");
  node.reply = undefined;
  expect(await call).toBe("PERMISSION_DENIED");
  expect(node.rows.size).toBe(0);
});

test("HTTP: health for everybody, status for who may run INFO", async () => {
  const { http } = await start("prometheus on >pw +info", "alice on >pw ~* +get", "default >secret");
  expect([await http("/healthz"), await http("/readyz"), await http("/nothing")]).toEqual([200, 200, 404]);
  expect(await http("/status")).toBe(401);
  expect(await http("/metrics")).toBe(401);
  expect(await http("/status", basic("prometheus", "wrong"))).toBe(401);
  expect(await http("/status", basic("prometheus", "pw"))).toBe(200);
  expect(await http("/status", basic("alice", "pw"))).toBe(403);
  expect(await http("/status", "Basic ???")).toBe(401);
});
