import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { Cluster, Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { SherdProcess, sherd } from "../harness/node-process.ts";
import { freePorts } from "../harness/ports.ts";
import { eventually } from "../harness/wait.ts";

/** What a start may take on a machine of two cores that does nothing else, ... */
const SERVING_MS_MAX = 4_000;
/** ... and in units of the shortest run of the same program, which a busy machine slows down as well. */
const SERVING_RUNS_MAX = 12;
const PROTO = fileURLToPath(new URL("../../packages/server/proto/kvstore.proto", import.meta.url));
const FLAGS = ["--resp-port", "--cluster-port", "--grpc-port", "--peer-port", "--http-port"];

interface Started {
  readonly launcher: SherdProcess;
  readonly ports: { resp: number; cluster: number; grpc: number; peer: number; http: number };
  readonly tookMs: number;
}

function temporaryData(): string {
  const directory = mkdtempSync(join(tmpdir(), "sherd-start-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "data");
}

/** Bases so far apart that node i may add i. */
async function bases(): Promise<number[]> {
  for (;;) {
    const ports = await freePorts(FLAGS.length);
    const sorted = [...ports].sort((a, b) => a - b);
    if (sorted.every((port, at) => at === 0 || port - (sorted[at - 1] as number) > 5)) return ports;
  }
}

async function start(data: string, ...args: string[]): Promise<Started> {
  const ports = await bases();
  const flags = FLAGS.flatMap((flag, at) => [flag, `${ports[at]}`]);
  const beganMs = performance.now();
  const launcher = new SherdProcess(["start", "--data", data, ...flags, ...args]);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === "fail") console.error(launcher.output);
    await launcher.signal("SIGKILL");
  });
  await eventually("the launcher to be ready", 30_000, () => {
    if (!launcher.running) throw new Error(launcher.output);
    return launcher.output.includes("Ready after") ? true : undefined;
  });
  const [resp, cluster, grpc, peer, http] = ports as [number, number, number, number, number];
  return { launcher, ports: { resp, cluster, grpc, peer, http }, tookMs: performance.now() - beganMs };
}

function nodePids(data: string): number[] {
  return [1, 2, 3].map((n) => JSON.parse(readFileSync(join(data, `node-${n}`, "run.json"), "utf8")).pid as number);
}

const isRunning = (pid: number): boolean => existsSync(`/proc/${pid}`);

test("a new user's first minutes: start, three clients, check, status, Ctrl-C, and a second start finds the data", async () => {
  const data = temporaryData();
  const shortestFromMs = performance.now();
  await sherd("--version");
  const shortestMs = performance.now() - shortestFromMs;
  const { launcher, ports, tookMs } = await start(data);
  expect(launcher.output).toContain("Starting a new cluster");
  expect(launcher.output).toMatch(/Try:\n.*redis-cli.*\n.*get greeting.*\n.*status/);
  console.log(`serving after ${Math.round(tookMs)} ms; sherd --version takes ${Math.round(shortestMs)} ms`);
  expect(tookMs).toBeLessThan(Math.max(SERVING_MS_MAX, SERVING_RUNS_MAX * shortestMs));

  const check = await sherd("check", "--port", `${ports.resp}`, "--iterations", "2000");
  expect(check.output).not.toMatch(/SHERD_/);
  expect(check.code).toBe(0);

  const redis = new Redis({ host: "127.0.0.1", port: ports.resp });
  expect(await redis.set("one", "1")).toBe("OK");
  expect(await redis.get("one")).toBe("1");
  redis.disconnect();
  const cluster = new Cluster([{ host: "127.0.0.1", port: ports.cluster }]);
  for (let n = 0; n < 50; n += 1) await cluster.set(`c${n}`, `${n}`);
  for (let n = 0; n < 50; n += 1) expect(await cluster.get(`c${n}`)).toBe(`${n}`);
  expect(await cluster.del("c0")).toBe(1);
  cluster.disconnect();
  await grpcSmoke(ports.grpc);
  redisCliSmoke(ports);

  const status = await sherd("status", "--http-port", `${ports.http}`);
  expect(status.code).toBe(0);
  expect(status.output).toContain("Every shard has a leader.");

  expect(await launcher.signal("SIGINT")).toEqual({ code: 0, signal: null });
  expect(launcher.output).toContain("Stopped.");
  const again = await start(data);
  expect(again.launcher.output).toContain("Starting the cluster in");
  const kept = new Redis({ host: "127.0.0.1", port: again.ports.resp });
  expect(await kept.get("one")).toBe("1");
  expect(await kept.get("c0")).toBeNull();
  expect(await kept.get("c49")).toBe("49");
  kept.disconnect();
});

async function grpcSmoke(port: number): Promise<void> {
  // Made from the proto at run time, as a foreign client would.
  const { KVStore } = loadPackageDefinition(loadSync(PROTO, { keepCase: true }));
  const client = new (KVStore as ServiceClientConstructor)(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = (name: string, request: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const method = client[name] as (request: object, done: (error: Error | null, reply: unknown) => void) => void;
      method.call(client, request, (error, reply) => (error === null ? resolve(reply) : reject(error)));
    });
  expect(await call("Put", { Key: "g", Value: "7" })).toEqual({ Success: true, Error: "" });
  expect(await call("Get", { Data: "g" })).toEqual({ Success: true, Exists: true, Data: "7" });
  expect(await call("Delete", { Data: "g" })).toEqual({ Success: true, Error: "" });
  expect(await call("Get", { Data: "g" })).toMatchObject({ Success: true, Exists: false });
  client.close();
}

function redisCliSmoke(ports: { resp: number; cluster: number }): void {
  const cli = (...args: string[]) => spawnSync("redis-cli", args, { encoding: "utf8", timeout: 10_000 });
  const version = cli("--version");
  if (version.error !== undefined) {
    console.warn("redis-cli is not installed here: not tested");
    return;
  }
  expect(cli("-p", `${ports.resp}`, "set", "cli", "x").stdout).toBe("OK\n");
  expect(cli("-c", "-p", `${ports.cluster}`, "get", "cli").stdout).toBe("x\n");
  expect(cli("-c", "-p", `${ports.cluster + 1}`, "del", "cli").stdout).toBe("1\n");
}

test("a node that is killed is brought back; the launcher killed takes its nodes along", async () => {
  const data = temporaryData();
  const { launcher, ports } = await start(data);
  const [first] = nodePids(data);
  process.kill(first as number, "SIGKILL");
  await eventually("another process for node-1", 30_000, () => (nodePids(data)[0] === first ? undefined : true));
  await eventually("a whole cluster", 30_000, async () => {
    const { code } = await sherd("status", "--http-port", `${ports.http + 1}`);
    return code === 0 ? true : undefined;
  });
  const pids = nodePids(data);
  await launcher.signal("SIGKILL");
  await eventually("the nodes to end", 30_000, () => (pids.some(isRunning) ? undefined : true));
  const again = await start(data);
  expect(again.launcher.output).not.toContain("ended");
});

test("a second start on the same data, a busy port, and another shape are refused before anything is started", async () => {
  const data = temporaryData();
  const { ports } = await start(data, "--nodes", "1");
  const second = await sherd("start", "--data", data, "--resp-port", "12000");
  expect(second.code).not.toBe(0);
  expect(second.output).toMatch(/SHERD_DATA_IN_USE/);

  const other = temporaryData();
  const busy = await sherd("start", "--data", other, "--nodes", "1", "--grpc-port", `${ports.grpc}`);
  expect(busy.code).not.toBe(0);
  expect(busy.output).toMatch(
    new RegExp(`SHERD_ADDRESS_IN_USE: 127\\.0\\.0\\.1:(${ports.grpc}|\\d+) \\(node-1; --\\S+\\) is in use`),
  );
  expect(existsSync(join(other, "node-1"))).toBe(false);
});
