import { EventEmitter } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { NODES_MAX, SEEDS_MAX, SherdError } from "../core/base/index.ts";
import { checkClusterFile, formatClusterFile } from "./cluster-file.ts";
import { HAND_OVER_MS_MAX } from "./limits.ts";
import type { NodeConfig, RunningNode } from "./node-config.ts";
import { checkNodeOptions, type HostProcess, type NodeMessage, type NodeOptions, runNode } from "./node-process.ts";
import { EXIT_REFUSED } from "./supervision.ts";

class Exit extends Error {}

/** A process that can be told anything and notes how it ended. Its `exit` returns, unless nothing may follow it. */
class FakeProcess extends EventEmitter implements HostProcess {
  readonly sent: string[] = [];
  connected: boolean | undefined;
  exitThrows = false;
  #end: (code: number) => void = () => {};
  readonly ended: Promise<number> = new Promise((resolve) => {
    this.#end = resolve;
  });
  readonly send = (message: NodeMessage): void => {
    this.sent.push(message.kind);
  };
  exit(code: number): never {
    this.#end(code);
    if (this.exitThrows) throw new Exit(`exit ${code}`);
    return undefined as never;
  }
}

class FakeNode implements RunningNode {
  readonly calls: string[] = [];
  ready: Promise<void> = Promise.resolve();
  handOverEnds = true;
  status(): never {
    throw new Error("not asked for");
  }
  handOver(): Promise<void> {
    this.calls.push("handOver");
    return this.handOverEnds ? Promise.resolve() : new Promise(() => {});
  }
  readonly certificates = {};
  reloadCertificates(): Promise<void> {
    this.calls.push("reloadCertificates");
    return Promise.resolve();
  }
  close(): Promise<void> {
    this.calls.push("close");
    return Promise.resolve();
  }
}

const parent = mkdtempSync(join(tmpdir(), "sherd-node-"));
let root: string;
let host: FakeProcess;
let node: FakeNode;
let config: NodeConfig | undefined;
const startFake = (given: NodeConfig): Promise<RunningNode> => {
  config = given;
  return Promise.resolve(node);
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  root = mkdtempSync(join(parent, "test-"));
  host = new FakeProcess();
  node = new FakeNode();
  config = undefined;
  const file = {
    cluster: "e".repeat(40),
    shards: 5,
    replicas: 3,
    nodes: ["a", "b", "c"].map((name, at) => ({ name, host: `127.0.0.${at + 1}` })),
  };
  writeFileSync(join(root, "cluster.json"), formatClusterFile(checkClusterFile(file, "test")));
});
afterEach(() => {
  vi.useRealTimers();
});
// A log that a fatal error left open may still make its file when its test is over.
afterAll(() => rmSync(parent, { recursive: true }));

const options = (given: Partial<NodeOptions> = {}): NodeOptions => ({
  clusterFile: join(root, "cluster.json"),
  name: "a",
  data: root,
  addresses: {},
  listenHost: undefined,
  seeds: [],
  cacheBytes: undefined,
  logLevel: "info",
  supervised: true,
  ...given,
});

const run = (given: Partial<NodeOptions> = {}, start = startFake): Promise<void> =>
  runNode(options(given), start, host);

const log = (): string => readFileSync(join(root, "a", "logs", "node.log"), "utf8");

test("a node gets its own addresses from the options before the file, and the others' as seeds", async () => {
  await run({ addresses: { host: "127.0.0.9", grpcPort: 9_000 }, seeds: ["10.0.0.7:7100"] });
  expect(config?.addresses).toMatchObject({ host: "127.0.0.9", grpcPort: 9_000, respPort: 6_379 });
  expect(config?.listenHost).toBe("127.0.0.9");
  expect(config?.seeds).toEqual(["10.0.0.7:7100", "127.0.0.2:7100", "127.0.0.3:7100"]);
  expect(config?.bootCounter).toBe(1);
  const runFile = JSON.parse(readFileSync(join(root, "a", "run.json"), "utf8"));
  expect(runFile).toMatchObject({ pid: process.pid, addresses: config?.addresses });
});

test.each<[string, Partial<NodeOptions>, RegExp]>([
  ["a host with a space", { addresses: { host: "a b" } }, /^--host "a b": a host name or an IP address\.$/],
  ["a host that nobody can reach", { addresses: { host: "::" } }, /^--host "::": an address that other machines/],
  [
    "a host that is too long",
    { addresses: { host: "h".repeat(254) } },
    /^--host "h{64}\.\.\.": at most 253 characters\.$/,
  ],
  ["an address to listen on that is none", { listenHost: "eth0/1" }, /^--listen "eth0\/1": a host name/],
  ["a seed that is none", { seeds: ["10.0.0.1:7100", "ho st:7100"] }, /^--seeds "ho st": a host name/],
  ["too many seeds", { seeds: Array.from({ length: 65 }, (_, at) => `h${at}:1`) }, /^--seeds: 65 are given, 64 are/],
])("%s is refused under the name of its option", (_, given, detail) => {
  try {
    checkNodeOptions(options(given));
  } catch (error) {
    expect(error).toMatchObject({ code: "SHERD_CONFIG_INVALID", detail: expect.stringMatching(detail) });
    return;
  }
  expect.unreachable("nothing was refused");
});

test("options that are refused end the node for good before anything is written", async () => {
  await run({ addresses: { host: "a b" } });
  expect(await host.ended).toBe(EXIT_REFUSED);
  expect(config).toBeUndefined();
  expect(readdirSync(root)).toEqual(["cluster.json"]);
});

test("a node listens on all addresses when told so, and finds others by the seeds it was given", async () => {
  await run({ listenHost: "::", seeds: ["[fe80::1]:7100", "other.example:7100"] });
  expect(config?.listenHost).toBe("::");
  expect(config?.seeds.slice(0, 2)).toEqual(["[fe80::1]:7100", "other.example:7100"]);
});

test("a file with more nodes than there may be seeds starts: some of them are enough", async () => {
  const nodes = Array.from({ length: NODES_MAX }, (_, at) => ({ name: `n${at}`, host: `10.0.0.${at}` }));
  const file = { cluster: "e".repeat(40), shards: 5, replicas: 3, nodes };
  writeFileSync(join(root, "cluster.json"), formatClusterFile(checkClusterFile(file, "test")));
  await run({ name: "n7", seeds: ["10.0.1.1:7100"] });
  expect(config?.seeds).toHaveLength(SEEDS_MAX);
  expect(config?.seeds[0]).toBe("10.0.1.1:7100");
});

test("the launcher hears when the node listens and when it is ready, and that its loop turns", async () => {
  await run();
  expect(host.sent).toEqual(["listening", "ready"]);
  vi.advanceTimersByTime(3_000);
  expect(host.sent).toEqual(["listening", "ready", "heartbeat", "heartbeat", "heartbeat"]);
});

test("SIGTERM hands leaderships over, closes, releases the directory and ends cleanly", async () => {
  await run();
  host.emit("SIGTERM", "SIGTERM");
  expect(await host.ended).toBe(0);
  expect(node.calls).toEqual(["handOver", "close"]);
  expect(readdirSync(join(root, "a", "lock"))).toEqual([]);
  expect(log()).toContain("a has stopped");
});

test("with TLS SIGHUP reads the certificates again; without it is as the end of the terminal", async () => {
  const files = { cert: "c.pem", key: "c.key", ca: "ca.pem" };
  await run({ tls: { peers: files }, supervised: false });
  expect(config?.tls).toEqual({ peers: files });
  host.emit("SIGHUP", "SIGHUP");
  expect(node.calls).toEqual(["reloadCertificates"]);
  host.emit("SIGTERM", "SIGTERM");
  expect(await host.ended).toBe(0);

  host = new FakeProcess();
  await run({ name: "b", supervised: false });
  host.emit("SIGHUP", "SIGHUP");
  expect(await host.ended).toBe(0);
});

test("a hand-over that does not end is given up after a bounded time", async () => {
  node.handOverEnds = false;
  await run();
  const before = performance.now();
  host.emit("SIGTERM", "SIGTERM");
  expect(await host.ended).toBe(0);
  expect(performance.now() - before).toBeGreaterThanOrEqual(HAND_OVER_MS_MAX - 50);
  expect(node.calls).toEqual(["handOver", "close"]);
});

test.each([
  ["message", { kind: "stop" }],
  ["disconnect", undefined],
])("when all nodes stop (%s), nothing is handed over", async (event, argument) => {
  await run();
  host.emit(event, argument);
  expect(await host.ended).toBe(0);
  expect(node.calls).toEqual(["close"]);
});

test("a node whose launcher died before it listened ends", async () => {
  host.connected = false;
  host.exitThrows = true;
  await expect(run()).rejects.toThrow(Exit);
  expect(await host.ended).toBe(0);
  expect(config).toBeUndefined();
});

test("a launcher's node leaves Ctrl-C to the launcher", async () => {
  await run();
  host.emit("SIGINT", "SIGINT");
  host.emit("message", { kind: "stop" });
  await host.ended;
  expect(log()).not.toContain("because of SIGINT");
});

test("an exception that nobody handled is logged and ends the process in the same step", async () => {
  await run();
  host.emit("uncaughtException", new Error("a broken promise to itself"));
  expect(await host.ended).toBe(1);
  expect(log()).toContain("a broken promise to itself");
  expect(node.calls).toEqual([]);
});

test.each([
  ["damage", new SherdError("SHERD_LOG_DAMAGED", "log/0001 at 4096."), 3],
  ["a port that is not free yet", new SherdError("SHERD_ADDRESS_IN_USE", "127.0.0.1:6379."), 1],
  ["a bug", new Error("undefined is not a function"), 1],
])("a start that fails with %s ends with the code that says whether to try again", async (_, error, code) => {
  await run({}, () => Promise.reject(error));
  expect(await host.ended).toBe(code);
  expect(log()).toContain(error.message);
});

test("a refusal before there is a log ends with the code of a refusal", async () => {
  await run({ name: "z" });
  expect(await host.ended).toBe(3);
  expect(existsSync(join(root, "z"))).toBe(false);
});

test("the log is appended to at the next start", async () => {
  await run();
  host.emit("message", { kind: "stop" });
  await host.ended;
  const first = log();
  host = new FakeProcess();
  await run();
  host.emit("message", { kind: "stop" });
  await host.ended;
  expect(config?.bootCounter).toBe(2);
  expect(log().startsWith(first)).toBe(true);
  expect(log().length).toBeGreaterThan(first.length);
});
