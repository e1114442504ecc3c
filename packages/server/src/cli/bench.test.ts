import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeServer, slotsReply } from "../../../client/src/testing/fake-server.ts";
import type { BenchReport } from "./bench/report.ts";
import { register } from "./bench.ts";
import { type GrpcStore, grpcStore, respStore, storeHandler } from "./testing/fake-stores.ts";
import { type CliResult, runCli } from "./testing/run-cli.ts";

const map = new Map<string, string>();
let resp: FakeServer;

beforeEach(async () => {
  map.clear();
  resp = await respStore(map);
});

afterEach(() => resp.stop());

const bench = (...args: readonly string[]): Promise<CliResult> =>
  runCli(register, ["bench", "--workers", "3", "--iterations", "100", "--keys", "30", ...args]);

test("a report for people: what was run, where, and what came out", async () => {
  const { code, out, err } = await bench("--port", `${resp.port}`, "--seed", "9");
  expect(out).toContain(`resp at 127.0.0.1:${resp.port}, through this one node`);
  expect(out).toContain("3 workers x 100 operations, pipeline 1; put 50 %, get 25 %, delete 25 %; known keys");
  expect(out).toContain("seed 9");
  expect(out).toMatch(/\nall +300 /);
  expect(out).toContain("errors: none");
  expect(out).toMatch(/load generator: \d+ % busy/);
  expect(err).toContain("measure: 100 % (300 of 300)");
  expect(code).toBe(0);
});

test("the same as JSON, alone on standard output", async () => {
  const { out } = await bench("--port", `${resp.port}`, "--seed", "9", "--pipeline", "8", "--json");
  const report = JSON.parse(out) as BenchReport;
  expect(report).toMatchObject({
    workers: 3,
    plan: { seed: 9, iterations: 100, warmup: 10, pipeline: 8, workload: { loadedKeys: 30, keyChoice: "known" } },
    target: { protocol: "resp", port: resp.port },
    machine: { node: process.version },
    all: { count: 300 },
    errors: {},
    errorCount: 0,
  });
  expect(report.operations.get.found).toBe(report.operations.get.count);
  expect(report.all.latencyMs?.max).toBeGreaterThanOrEqual(report.all.latencyMs?.p50 ?? Number.NaN);
});

test("the original's mixes, and a mix that replaces the preset's", async () => {
  const json = async (...args: readonly string[]): Promise<BenchReport> =>
    JSON.parse((await bench("--port", `${resp.port}`, "--json", ...args)).out) as BenchReport;
  const thirds = await json("--preset", "original-thirds");
  expect(thirds.plan.workload).toMatchObject({ keyChoice: "fresh", mix: { put: 1 / 3 } });
  expect(thirds.operations.get.found).toBe(0);
  const gets = await json("--preset", "original", "--mix", "get=1");
  expect(gets.operations.get.count).toBe(300);
});

test("over gRPC", async () => {
  const grpc: GrpcStore = await grpcStore(map);
  const { code, out } = await bench("--protocol", "grpc", "--port", `${grpc.port}`, "--json");
  grpc.stop();
  const report = JSON.parse(out) as BenchReport;
  expect(report.operations.get.found).toBe(report.operations.get.count);
  expect(report.operations.delete.found).toBeNull();
  expect(code).toBe(0);
});

test("a port that redirects: the report says that it routes by slots", async () => {
  const handler = storeHandler(map);
  const owner = await FakeServer.start((args, connection) =>
    args[0] === "CLUSTER" ? slotsReply([0, 16_383, owner.port]) : handler(args, connection),
  );
  const { keySlot } = await import("@sherd/client");
  const other = await FakeServer.start(([name, key = ""]) =>
    name === "CLUSTER"
      ? slotsReply([0, 16_383, owner.port])
      : `-MOVED ${keySlot(Buffer.from(key))} 127.0.0.1:${owner.port}\r\n`,
  );
  const { code, out } = await bench("--port", `${other.port}`);
  await Promise.all([owner.stop(), other.stop()]);
  expect(out).toContain("by slots, since the port redirects");
  expect(out).toContain("errors: none");
  expect(code).toBe(0);
});

test("failed operations are counted by kind, and the exit code tells", async () => {
  let sets = 0;
  const handler = storeHandler(map);
  const failing = await FakeServer.start((args, connection) => {
    if (args[0] !== "SET") return handler(args, connection);
    sets += 1;
    return sets > 100 ? "-DISKFULL no space\r\n" : handler(args, connection);
  });
  const { code, out } = await bench("--port", `${failing.port}`);
  await failing.stop();
  expect(out).toMatch(/errors: DISKFULL \d+/);
  expect(code).toBe(1);
});

test.each([
  [["--mix", "put=x"], "option '--mix <weights>' argument 'put=x' is invalid"],
  [["--key-bytes", "1-5"], "option '--key-bytes <range>' argument '1-5' is invalid"],
  [["--workers", "0"], "option '--workers <number>' argument '0' is invalid"],
  [["--preset", "mine"], "option '--preset <name>' argument 'mine' is invalid"],
  [["--pipeline", "1e3"], "option '--pipeline <number>' argument '1e3' is invalid"],
  [["--failover"], "option '--failover' needs '--data <directory>'"],
])("%j names the option", async (args, message) => {
  const { code, err } = await bench(...args);
  expect(err).toContain(message);
  expect(err).not.toContain("    at ");
  expect(code).toBe(2);
});

test("a directory without a running cluster is refused", async () => {
  const { code, err } = await bench("--failover", "--data", "/nonexistent");
  expect(err).toMatch(/^SHERD_LOCAL_CLUSTER: \/nonexistent: ENOENT/);
  expect(code).toBe(2);
});
