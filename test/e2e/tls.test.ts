import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { join } from "node:path";
import { connect, type SecureContextOptions } from "node:tls";
import { Cluster } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { type IssuedFiles, TestAuthority } from "../../packages/server/src/host/tls/testing/authority.ts";
import { TestCluster } from "../harness/cluster.ts";
import { Load } from "../harness/load.ts";
import { SherdProcess, sherd } from "../harness/node-process.ts";
import { freePorts } from "../harness/ports.ts";
import { eventually } from "../harness/wait.ts";

const NODES = ["node-1", "node-2", "node-3"] as const;

interface Place {
  readonly cluster: TestCluster;
  readonly authority: TestAuthority;
  /** Of each node, for clients and for nodes alike. */
  readonly files: Map<string, IssuedFiles>;
  readonly client: IssuedFiles;
  /** What clients present and trust. */
  readonly tls: SecureContextOptions;
}

const flagsOf = ({ cert, key, ca }: IssuedFiles): string[] => ["--tls-cert", cert, "--tls-key", key, "--tls-ca", ca];
const fingerprintOf = (cluster: TestCluster, name: string, tls: SecureContextOptions): Promise<string> =>
  new Promise((resolve, reject) => {
    const { host, respPort } = cluster.node(name);
    const socket = connect({ host, port: respPort, ...tls }, () => {
      resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? "none");
      socket.end().resume();
    });
    socket.on("error", reject);
  });

/** Three nodes, each with a certificate of its own, made but not started. */
async function place(): Promise<Place> {
  const authority = await TestAuthority.create();
  const files = new Map<string, IssuedFiles>();
  for (const name of NODES) files.set(name, await authority.issue(name));
  const client = await authority.issue("client", { usage: "client" });
  const tls = { ca: authority.text, cert: readFileSync(client.cert), key: readFileSync(client.key) };
  const args = (name: string): string[] => flagsOf(files.get(name) as IssuedFiles);
  const cluster = await TestCluster.create({ nodes: 3, shards: 3, args, tls });
  return { cluster, authority, files, client, tls };
}

test("three nodes with certificates: load goes on while all certificates are replaced; strangers stay outside", async () => {
  const { cluster, authority, files, client, tls } = await place();
  await cluster.startAll();
  const load = new Load(cluster);
  load.start();
  await load.acknowledge(200);

  // Every node gets a new certificate, one of them by the signal and the others when they notice.
  const before = await Promise.all(NODES.map((name) => fingerprintOf(cluster, name, tls)));
  for (const name of NODES) await authority.replace(files.get(name) as IssuedFiles, name);
  process.kill(cluster.process("node-1").pid, "SIGHUP");
  for (const [at, name] of NODES.entries()) {
    await eventually(`a new certificate of ${name}`, 90_000, async () =>
      (await fingerprintOf(cluster, name, tls)) === before[at] ? undefined : true,
    );
  }
  // A node that starts again shows the new one to the others, and they to it.
  await cluster.terminate("node-2");
  await cluster.start("node-2");
  await load.everyShardWrites([1, 2, 3]);
  await load.stop();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
  expect([...load.errors.keys()].filter((kind) => kind !== "SHERD_CLIENT_LOST")).toEqual([]);

  await foreignClients(cluster, client, tls);
  await plainText(cluster);
});

async function foreignClients(cluster: TestCluster, client: IssuedFiles, tls: SecureContextOptions): Promise<void> {
  const { host, clusterPort, respPort, grpcPort, httpPort } = cluster.node("node-3");
  const io = new Cluster([{ host, port: clusterPort }], { redisOptions: { tls } });
  for (let n = 0; n < 30; n += 1) await io.set(`io${n}`, `${n}`);
  for (let n = 0; n < 30; n += 1) expect(await io.get(`io${n}`)).toBe(`${n}`);
  io.disconnect();
  const secure = ["--cacert", client.ca, "--cert", client.cert, "--key", client.key];
  const cli = spawnSync("redis-cli", ["--tls", ...secure, "-c", "-p", `${clusterPort}`, "get", "io7"], {
    encoding: "utf8",
  });
  if (cli.error === undefined) expect(cli.stdout).toBe("7\n");
  else console.warn("SKIPPED: redis-cli is not installed here");

  const flags = ["--tls", "--ca", client.ca, "--cert", client.cert, "--key", client.key];
  expect(await sherd("get", "io7", "--port", `${respPort}`, ...flags)).toEqual({ code: 0, output: "7" });
  expect(await sherd("get", "io7", "--protocol", "grpc", "--port", `${grpcPort}`, ...flags)).toEqual({
    code: 0,
    output: "7",
  });
  expect(await sherd("status", "--http-port", `${httpPort}`, ...flags)).toMatchObject({ code: 0 });
  const nameless = await sherd("get", "io7", "--port", `${respPort}`, "--ca", client.ca);
  expect([nameless.code, nameless.output]).toEqual([2, expect.stringMatching(/SHERD_/)]);
}

async function plainText(cluster: TestCluster): Promise<void> {
  const { host, respPort, grpcPort, httpPort, peerPort } = cluster.node("node-1");
  for (const port of [respPort, grpcPort, httpPort, peerPort]) {
    const socket = connectPlain(port, host);
    const closed = once(socket.resume(), "close");
    socket.write("*1\r\n$4\r\nPING\r\n");
    await closed;
  }
  expect(cluster.log("node-1")).toContain("peer port: a client spoke plain text, and this port speaks TLS");
}

test("a node whose certificate is of another authority is not let in, the others go on; with the right one it joins", async () => {
  const { cluster, files } = await place();
  await cluster.startAll();
  await cluster.kill("node-3");
  const theirs = await TestAuthority.create("somebody else's authority");
  const right = files.get("node-3") as IssuedFiles;
  files.set("node-3", await theirs.issue("node-3"));
  const intruder = cluster.begin("node-3");

  const load = new Load(cluster);
  load.start();
  await eventually("the refusal in both logs", 90_000, () => {
    const refused = (["node-1", "node-2"] as const).every((name) =>
      /peer port: (the certificate of a client is refused|a client left during the TLS handshake)/.test(
        cluster.log(name),
      ),
    );
    return refused && cluster.log("node-3").includes("no TLS connection to the node at") ? true : undefined;
  });
  await load.everyShardWrites([1, 2, 3]);
  expect(intruder.running).toBe(true);
  const { nodes } = await cluster.status();
  expect(nodes.find(({ name }) => name === "node-3")?.state).toBe("unreachable");

  await intruder.signal("SIGKILL");
  files.set("node-3", right);
  await cluster.start("node-3");
  await load.acknowledge(200);
  await load.stop();
  await load.verify(cluster.connect());
  expect(load.violations).toEqual([]);
});

test("`sherd start` hands certificates on to its nodes", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("local");
  const [resp, cluster, grpc, peer, http] = await freePorts(5);
  const ports = ["--resp-port", `${resp}`, "--cluster-port", `${cluster}`, "--grpc-port", `${grpc}`];
  const data = join(authority.directory, "data");
  const where = ["--data", data, ...ports, "--peer-port", `${peer}`, "--http-port", `${http}`];
  const launcher = new SherdProcess(["start", "--nodes", "1", ...where, ...flagsOf(files), "--tls-client-auth", "no"]);
  onTestFinished(async () => void (await launcher.signal("SIGKILL")));
  await eventually("the launcher to be ready", 60_000, () => {
    if (!launcher.running) throw new Error(launcher.output);
    return launcher.output.includes("Ready after") ? true : undefined;
  });
  expect(launcher.output).toContain(`HTTP https://127.0.0.1:${http}`);
  expect(launcher.output).toContain(`get greeting --host 127.0.0.1 --port ${resp} --tls --ca ${files.ca}`);
  const tls = ["--tls", "--ca", files.ca];
  expect(await sherd("put", "greeting", "hello", "--port", `${resp}`, ...tls)).toEqual({ code: 0, output: "" });
  expect(await sherd("get", "greeting", "--port", `${cluster}`, ...tls)).toEqual({ code: 0, output: "hello" });
  expect(await launcher.signal("SIGINT")).toEqual({ code: 0, signal: null });
});

test("a node that strangers could reach refuses to start, and says what to do; so does one whose certificate is no good", async () => {
  const { cluster, authority } = await place();
  const common = ["node", "--cluster", cluster.clusterFile, "--name", "node-1", "--data", cluster.data];
  const refused = async (...args: string[]): Promise<string> => {
    const child = new SherdProcess([...common, ...args]);
    expect(await child.ended).toEqual({ code: 3, signal: null });
    return child.output;
  };
  expect(await refused("--listen", "0.0.0.0")).toMatch(
    /SHERD_INSECURE: This node would listen on 0\.0\.0\.0.*--insecure/,
  );
  const { cert, key } = await authority.issue("alone");
  expect(await refused("--listen", "0.0.0.0", "--tls-cert", cert, "--tls-key", key)).toMatch(
    /SHERD_INSECURE: .*the port for nodes has no TLS/,
  );
  const expired = await authority.issue("expired", { notAfterMs: Date.now() - 1_000 });
  expect(await refused(...flagsOf(expired))).toMatch(
    /SHERD_TLS_CERTIFICATE: .*expired\.pem: the certificate has expired/,
  );
  expect(await refused("--tls-cert", cert)).toMatch(/SHERD_CONFIG_INVALID: tlsCert is set, but not tlsKey/);
});
