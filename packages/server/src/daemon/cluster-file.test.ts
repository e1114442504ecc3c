import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SherdError } from "../core/base/index.ts";
import {
  addressesOf,
  DEFAULT_PORTS,
  formatClusterFile,
  nodeOfFile,
  parseClusterFile,
  readClusterFile,
} from "./cluster-file.ts";

const CLUSTER = "a".repeat(40);
const three = {
  cluster: CLUSTER,
  shards: 5,
  replicas: 3,
  nodes: [
    { name: "a", host: "10.0.0.1" },
    { name: "b", host: "10.0.0.2", respPort: 7001 },
    { name: "c", host: "db-3.example.org" },
  ],
};
const parse = (value: unknown) => parseClusterFile(JSON.stringify(value), "cluster.json");

function refusal(action: () => unknown): SherdError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(SherdError);
    return error as SherdError;
  }
  throw new Error("nothing was refused");
}

test("ports may be left out", () => {
  const file = parse(three);
  expect(addressesOf(nodeOfFile(file, "a", "cluster.json"))).toEqual({ host: "10.0.0.1", ...DEFAULT_PORTS });
  expect(nodeOfFile(file, "b", "cluster.json").respPort).toBe(7001);
});

test("what is written is read back", () => {
  const file = parse(three);
  expect(parseClusterFile(formatClusterFile(file), "again")).toEqual(file);
});

test.each([
  ["not JSON", "{", /cluster\.json is not JSON/],
  ["no cluster id", { ...three, cluster: "x" }, /cluster: 40 lower-case hex digits/],
  ["a typing error", { ...three, shard: 5 }, /shard/],
  ["no shards", { ...three, shards: 0 }, /shards: /],
  ["more shards than a node may hold", { ...three, shards: 16_384 }, /shards: 16385 replicas on one node/],
  ["too few nodes", { ...three, replicas: 4 }, /replicas: 4 replicas need as many nodes, and there are 3/],
  ["no nodes", { ...three, nodes: [] }, /nodes: /],
  ["a bad port", { ...three, nodes: [{ name: "a", host: "h", grpcPort: 70_000 }] }, /nodes\[0\]\.grpcPort: /],
  ["a name with a slash", { ...three, nodes: [{ name: "../a", host: "h" }] }, /nodes\[0\]\.name: 1 to 63 letters/],
  ["a long name", { ...three, nodes: [{ name: "a".repeat(64), host: "h" }] }, /nodes\[0\]\.name: 1 to 63 letters/],
  ["a long host", { ...three, nodes: [{ name: "a", host: "h".repeat(254) }] }, /nodes\[0\]\.host: at most 253/],
  ["a host with a space", { ...three, nodes: [{ name: "a", host: "h h" }] }, /nodes\[0\]\.host: a host name/],
  [
    "a host with a port",
    { ...three, nodes: [{ name: "a", host: "10.0.0.1:6379" }] },
    /nodes\[0\]\.host: .*without a port/,
  ],
  ["no host", { ...three, nodes: [{ name: "a", host: "" }] }, /nodes\[0\]\.host: a host name/],
  ["a wildcard host", { ...three, nodes: [{ name: "a", host: "0.0.0.0" }] }, /nodes\[0\]\.host: an address that/],
  [
    "two nodes of one name",
    { ...three, nodes: [...three.nodes, { name: "a", host: "10.0.0.9" }] },
    /nodes\[3\]\.name: a second node is called a/,
  ],
  [
    "two nodes on one address",
    { ...three, nodes: [...three.nodes, { name: "d", host: "10.0.0.1", grpcPort: 6379 }] },
    /nodes\[3\]\.grpcPort: 10\.0\.0\.1:6379 is already/,
  ],
])("refuses %s and names the place", (_, value, message) => {
  const error = refusal(() =>
    parseClusterFile(typeof value === "string" ? value : JSON.stringify(value), "cluster.json"),
  );
  expect(error.code).toBe("SHERD_CLUSTER_FILE");
  expect(error.detail).toMatch(message);
  expect(error.detail).toContain("cluster.json");
});

test("a node that the file does not have is refused with those it has", () => {
  expect(refusal(() => nodeOfFile(parse(three), "z", "cluster.json")).detail).toBe(
    "cluster.json has no node called z; it has a, b, c.",
  );
});

test("a file that cannot be read is refused by its path", () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-"));
  try {
    const path = join(directory, "cluster.json");
    expect(refusal(() => readClusterFile(path)).detail).toContain(`${path} cannot be read`);
    writeFileSync(path, JSON.stringify(three));
    expect(readClusterFile(path).nodes).toHaveLength(3);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
