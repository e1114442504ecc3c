import { expect, onTestFinished, test } from "vitest";
import { SherdError } from "../core/base/index.ts";
import { Connections } from "../core/session/index.ts";
import { FakeNode } from "../core/session/testing/fake-node.ts";
import { processFacts, startGrpc, startHttp, startResp } from "../front/index.ts";
import type { Front } from "../front/listen.ts";
import { TlsIdentity, type TlsPort } from "../host/tls/index.ts";
import { type IssuedFiles, TestAuthority } from "../host/tls/testing/authority.ts";
import { register as registerCheck } from "./check.ts";
import { register as registerKv } from "./kv.ts";
import { describeReady } from "./start.ts";
import { register as registerStatus } from "./status.ts";
import { runCli } from "./testing/run-cli.ts";
import { clientTls } from "./tls-options.ts";

const HOST = "127.0.0.1";

/** The ports of a fake node that wants certificates of its clients, and a client that has one. */
async function serve({
  plain = false,
} = {}): Promise<{ resp: number; grpc: number; http: number; flags: string[]; client: IssuedFiles }> {
  const authority = await TestAuthority.create();
  const identity = await TlsIdentity.open({
    files: await authority.issue("server"),
    use: "server",
    name: "test",
    log: () => undefined,
  });
  const tls: TlsPort = { identity, clientAuth: "require" };
  const node = new FakeNode();
  const where = { host: HOST, port: 0, ...(!plain && { tls }) };
  const resp = await startResp(new Connections(node, processFacts("0.1.0")), { ...where, redirect: false });
  const fronts: Front[] = [resp, await startGrpc(node, where), await startHttp(node, where)];
  const [grpc, http] = [fronts[1]?.port as number, fronts[2]?.port as number];
  const { map } = new FakeNode({ nodes: [{ clusterPort: resp.port }] });
  const nodes = [...map.nodes].map(
    ([id, info]) => [id, { ...info, addresses: { ...info.addresses, httpPort: http } }] as const,
  );
  node.map = { ...map, nodes: new Map(nodes) };
  onTestFinished(async () => {
    identity.close();
    await Promise.all(fronts.map((front) => front.close()));
  });
  const client = await authority.issue("client", { usage: "client" });
  return {
    resp: resp.port,
    grpc,
    http,
    client,
    flags: ["--tls", "--ca", client.ca, "--cert", client.cert, "--key", client.key],
  };
}

test.each(["resp", "grpc"] as const)(
  "put and get over TLS, by %s; without a certificate there is no store",
  async (protocol) => {
    const ports = await serve();
    const where = ["--protocol", protocol, "--port", `${ports[protocol]}`];
    expect(await runCli(registerKv, ["put", "k", "v", ...where, ...ports.flags])).toMatchObject({ code: 0, err: "" });
    expect(await runCli(registerKv, ["get", "k", ...where, ...ports.flags])).toEqual({ code: 0, out: "v", err: "" });
    const nameless = await runCli(registerKv, ["get", "k", ...where, "--ca", ports.client.ca]);
    expect(nameless).toMatchObject({ code: 2, out: "" });
    const plain = await runCli(registerKv, ["get", "k", ...where]);
    expect(plain).toMatchObject({ code: 2, out: "" });
    expect(plain.err).toBe(
      `${new SherdError("SHERD_TLS_MISMATCH", `127.0.0.1:${ports[protocol]} speaks TLS, and plain text was sent.`).message}\n`,
    );
  },
);

test.each(["resp", "grpc", "http"] as const)(
  "TLS at a port that speaks plain text, by %s: said, and what to do",
  async (port) => {
    const ports = await serve({ plain: true });
    const where =
      port === "http"
        ? ["status", "--http-port", `${ports.http}`]
        : ["get", "k", "--protocol", port, "--port", `${ports[port]}`];
    const { code, err } = await runCli(port === "http" ? registerStatus : registerKv, [...where, "--tls"]);
    expect(code).toBe(2);
    expect(err).toBe(
      `${new SherdError("SHERD_TLS_MISMATCH", `127.0.0.1:${ports[port]} speaks plain text, and TLS was asked for.`).message}\n`,
    );
  },
);

test("status and check over TLS", async () => {
  const ports = await serve();
  const status = await runCli(registerStatus, ["status", "--http-port", `${ports.http}`, "--json", ...ports.flags]);
  expect(status.err).toBe("");
  expect(JSON.parse(status.out)).toMatchObject({ nodes: [{ state: "ready" }] });
  const plain = await runCli(registerStatus, ["status", "--http-port", `${ports.http}`]);
  expect(plain).toMatchObject({ code: 2, err: expect.stringContaining(`127.0.0.1:${ports.http} speaks TLS`) });
  const check = await runCli(registerCheck, [
    "check",
    "--port",
    `${ports.resp}`,
    "--iterations",
    "20",
    "--assume-empty",
    ...ports.flags,
  ]);
  expect(check).toMatchObject({ code: 0, out: expect.stringContaining("40 answers agree") });
});

test("files that do not fit are told before anything is sent", async () => {
  const { client } = await serve();
  const other = await (await TestAuthority.create()).issue("other");
  expect(clientTls({})).toBeUndefined();
  expect(clientTls({ tls: true })).toEqual({});
  expect(() => clientTls({ cert: client.cert })).toThrow("SHERD_CONFIG_INVALID: --cert and --key belong together");
  expect(() => clientTls({ ca: "/no/such.pem" })).toThrow("SHERD_TLS_CERTIFICATE: /no/such.pem: ENOENT");
  expect(() => clientTls({ cert: client.cert, key: other.key })).toThrow(
    /SHERD_TLS_CERTIFICATE: .*other\.key: .*mismatch/,
  );
});

test("what `sherd start` says to try speaks TLS where the ports do", () => {
  const node = { name: "node-1", host: HOST, respPort: 1, clusterPort: 2, grpcPort: 3, peerPort: 4, httpPort: 5 };
  const file = { cluster: "c".repeat(40), shards: 1, replicas: 1, nodes: [node] };
  const said = (clientAuth: "no" | "require", ca?: string): string =>
    describeReady(file, new Set(["node-1"]), 1, "sherd", { files: { cert: "c", key: "k", ca }, clientAuth });
  expect(said("no", "ca.pem")).toContain("redis-cli -h 127.0.0.1 -p 1 --tls --cacert ca.pem set greeting hello");
  expect(said("require", "ca.pem")).toContain(
    "sherd status --host 127.0.0.1 --http-port 5 --tls --ca ca.pem --cert CERT --key KEY",
  );
  expect(said("no")).toContain("HTTP https://127.0.0.1:5");
});
