import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeServer } from "../../../client/src/testing/fake-server.ts";
import { VALUE_BYTES_MAX } from "../core/base/index.ts";
import { readValue, register } from "./kv.ts";
import { type GrpcStore, grpcStore, respStore } from "./testing/fake-stores.ts";
import { type CliResult, runCli } from "./testing/run-cli.ts";

const map = new Map<string, string>();
let resp: FakeServer;
let grpc: GrpcStore;

beforeEach(async () => {
  map.clear();
  resp = await respStore(map);
  grpc = await grpcStore(map, (key) => (key === "refused" ? "CLUSTERDOWN no leader" : undefined));
});

afterEach(async () => {
  grpc.stop();
  await resp.stop();
});

const protocols = ["resp", "grpc"] as const;

function sherd(protocol: (typeof protocols)[number], ...args: readonly string[]): Promise<CliResult> {
  const port = protocol === "resp" ? resp.port : grpc.port;
  return runCli(register, [...args, "--protocol", protocol, "--port", `${port}`]);
}

test.each(protocols)("put, get and delete over %s", async (protocol) => {
  expect(await sherd(protocol, "put", "greeting", "hello")).toEqual({ code: 0, out: "", err: "" });
  expect(await sherd(protocol, "get", "greeting")).toEqual({ code: 0, out: "hello", err: "" });
  expect(await sherd(protocol, "delete", "greeting")).toEqual({ code: 0, out: "", err: "" });
  expect(await sherd(protocol, "get", "greeting")).toEqual({ code: 1, out: "", err: "" });
  expect(await sherd(protocol, "delete", "greeting")).toMatchObject({ code: 0 });
});

test.each(protocols)("an empty value is not a missing one, over %s", async (protocol) => {
  await sherd(protocol, "put", "empty", "");
  expect(await sherd(protocol, "get", "empty")).toEqual({ code: 0, out: "", err: "" });
});

test("values are printed byte for byte", async () => {
  const value = String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at));
  map.set("bytes", value);
  expect((await sherd("resp", "get", "bytes")).out).toBe(value);
});

test("what the store refuses is told in its own words, with exit code 2", async () => {
  const { code, err } = await sherd("grpc", "put", "refused", "x");
  expect(err).toContain('SHERD_OPERATION_FAILED: put of "refused": CLUSTERDOWN no leader.');
  expect(code).toBe(2);
  const failing = await FakeServer.start(() => "-WRONGTYPE it is a list\r\n");
  const result = await runCli(register, ["get", "k", "--port", `${failing.port}`]);
  await failing.stop();
  expect(result).toMatchObject({ code: 2, out: "" });
  expect(result.err).toContain("WRONGTYPE it is a list");
});

test("an unreachable store is an error, not a missing key", async () => {
  expect(await runCli(register, ["get", "k", "--port", "1"])).toMatchObject({ code: 2, out: "" });
  const { code, err } = await runCli(register, ["get", "k", "--protocol", "grpc", "--port", "1"]);
  expect(err).toContain("SHERD_UNREACHABLE");
  expect(code).toBe(2);
});

test("gRPC cannot carry bytes that are no UTF-8: refused before anything is sent", async () => {
  const stdin = Readable.from([Buffer.from([0xff, 0xfe])]);
  const original = Object.getOwnPropertyDescriptor(process, "stdin") as PropertyDescriptor;
  Object.defineProperty(process, "stdin", { value: stdin, configurable: true });
  try {
    const { code, err } = await sherd("grpc", "put", "k", "-");
    expect(err).toContain("not UTF-8. Use --protocol resp");
    expect(code).toBe(2);
  } finally {
    Object.defineProperty(process, "stdin", original);
  }
  expect(map.size).toBe(0);
});

test("a value from standard input keeps its bytes and its bound", async () => {
  const bytes = await readValue(Readable.from([Buffer.from([0, 0xff]), Buffer.from("\n")]));
  expect([...bytes]).toEqual([0, 0xff, 10]);
  const whole = Buffer.alloc(VALUE_BYTES_MAX);
  expect((await readValue(Readable.from([whole]))).length).toBe(VALUE_BYTES_MAX);
  await expect(readValue(Readable.from([whole, Buffer.from("x")]))).rejects.toThrow(`longer than ${VALUE_BYTES_MAX}`);
});
