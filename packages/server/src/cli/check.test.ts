import { afterEach, beforeEach, expect, test } from "vitest";
import { array, bulk, FakeServer, integer, OK, slotsReply } from "../../../client/src/testing/fake-server.ts";
import { countKeys } from "./check/index.ts";
import { register } from "./check.ts";
import { type GrpcStore, grpcStore, respStore, storeHandler } from "./testing/fake-stores.ts";
import { type CliResult, runCli } from "./testing/run-cli.ts";

const map = new Map<string, string>();
let resp: FakeServer;
let grpc: GrpcStore;
const others: FakeServer[] = [];

beforeEach(async () => {
  map.clear();
  resp = await respStore(map);
  grpc = await grpcStore(map);
});

afterEach(async () => {
  grpc.stop();
  await Promise.all([resp, ...others.splice(0)].map((server) => server.stop()));
});

const check = (...args: readonly string[]): Promise<CliResult> =>
  runCli(register, ["check", "--iterations", "200", ...args]);

test("over RESP, a right and empty store passes", async () => {
  const { code, out, err } = await check("--port", `${resp.port}`, "--seed", "5");
  expect(out).toMatch(/^ok: 400 answers agree with the dictionary \(.*seed 5\)\n$/);
  expect(err).toContain("check: 100 % (400 of 400)");
  expect(code).toBe(0);
});

test("over gRPC too; the keys are counted over RESP", async () => {
  const { code, out } = await check("--protocol", "grpc", "--port", `${grpc.port}`, "--resp-port", `${resp.port}`);
  expect(out).toContain("ok: 400 answers");
  expect(code).toBe(0);
  expect(resp.commands).toContain("DBSIZE");
});

test("where users have passwords every connection says whose it is, also those that count", async () => {
  const handler = storeHandler(map);
  const known = new Set<unknown>();
  const guarded = await FakeServer.start((args, connection) => {
    if (args.join(" ") === "AUTH me secret") known.add(connection);
    else if (!known.has(connection)) return "-NOAUTH Authentication required.\r\n";
    else return handler(args, connection);
    return OK;
  });
  others.push(guarded);
  const { code, out, err } = await check("--port", `${guarded.port}`, "--user", "me", "--password", "secret");
  expect(err).not.toContain("NOAUTH");
  expect(out).toContain("ok: 400 answers");
  expect(code).toBe(0);
});

test("a store that is not empty is refused before anything is written", async () => {
  map.set("theirs", "value");
  for (const args of [
    ["--port", `${resp.port}`],
    ["--protocol", "grpc", "--port", `${grpc.port}`, "--resp-port", `${resp.port}`],
  ]) {
    const { code, err } = await check(...args);
    expect(err).toMatch(/^SHERD_NOT_EMPTY: .* is not empty: DBSIZE adds up to 1 over its nodes/);
    expect(code).toBe(2);
  }
  expect([...map.keys()]).toEqual(["theirs"]);
});

test("over gRPC without a RESP port nothing is assumed, unless the caller vouches for it", async () => {
  const args = ["--protocol", "grpc", "--port", `${grpc.port}`];
  const { code, err } = await check(...args, "--resp-port", "1");
  expect(err).toMatch(/^SHERD_UNCOUNTED: .*--assume-empty/s);
  expect(code).toBe(2);
  expect((await check(...args, "--assume-empty")).code).toBe(0);
});

test("the first difference is printed, with all that repeats it", async () => {
  const handler = storeHandler(map);
  const wrong = await FakeServer.start((args, connection) =>
    wrong.commands.length === 300 ? "-ERR broken\r\n" : handler(args, connection),
  );
  others.push(wrong);
  const { code, out } = await check("--port", `${wrong.port}`, "--seed", "5");
  expect(code).toBe(1);
  // CLUSTER SLOTS, DBSIZE and a PING of each connection came before the operations.
  expect(out).toContain("SHERD_CHECK_FAILED: Operation 296 of 400 was answered wrongly.");
  expect(out).toMatch(/\n {2}key {8}[A-Z0-9]{30,50}\n/);
  expect(out).toContain("\n  got        an error: ERR broken\n");
  expect(out).toContain(
    `repeat     sherd check --protocol resp --host 127.0.0.1 --port ${wrong.port} --iterations 200 --seed 5\n`,
  );
});

test("nobody there is told at once", async () => {
  const { code, err } = await check("--port", "1");
  expect(err).toBe(
    "SHERD_UNREACHABLE: RESP at 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1. No node answered at the given addresses. Check that the cluster runs and the ports are right.\n",
  );
  expect(code).toBe(2);
});

test("wrong options name themselves", async () => {
  const { code, err } = await check("--iterations", "none");
  expect(err).toContain("option '--iterations <number>' argument 'none' is invalid. A whole number from 1");
  expect(code).toBe(2);
  expect((await check("--protocol", "http")).err).toContain("Allowed choices are resp, grpc");
});

/** A node of a cluster whose slots all have a leader but `leaderless`. */
async function node(slots: () => string, size: number, leaderless = 0): Promise<FakeServer> {
  const server = await FakeServer.start(([name, what]) => {
    if (name === "DBSIZE") return integer(size);
    return what === "INFO" ? bulk(`cluster_state:ok\r\ncluster_slots_ok:${16_384 - leaderless}\r\n`) : slots();
  });
  others.push(server);
  return server;
}

test("keys of a cluster are counted at every node, each once, also at those that lead nothing by now", async () => {
  let slots = "";
  const one = await node(() => slots, 5);
  const two = await node(() => slots, 7);
  const three = await node(() => slots, 1);
  slots = slotsReply(
    [0, 99, one.port, two.port],
    [100, 5_000, two.port, one.port, three.port],
    [5_001, 16_383, one.port, two.port],
  );
  expect(await countKeys({ host: "127.0.0.1", port: one.port })).toBe(13);
});

test("keys cannot be counted while slots have no leader", async () => {
  const one = await node(() => slotsReply([0, 16_383, one.port]), 0, 100);
  await expect(countKeys({ host: "127.0.0.1", port: one.port })).rejects.toThrow(
    "only 16284 of 16384 slots have a leader",
  );
  const odd = await node(() => array(bulk("what")), 0);
  await expect(countKeys({ host: "127.0.0.1", port: odd.port })).rejects.toThrow("SHERD_UNCOUNTED");
});
