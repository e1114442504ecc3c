import * as fs from "node:fs";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SherdError } from "../core/base/index.ts";
import { type ClusterFile, checkClusterFile } from "./cluster-file.ts";
import type { FileSystem } from "./durable-file.ts";
import { checkForeign, type Identity, openIdentity } from "./identity.ts";
import { bootstrapPlan } from "./plan.ts";

const file = checkClusterFile(
  {
    cluster: "b".repeat(40),
    shards: 5,
    replicas: 3,
    nodes: [1, 2, 3].map((n) => ({ name: `node-${n}`, host: `127.0.0.${n}` })),
  },
  "test",
);

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sherd-"));
  path = join(root, "data", "node-1");
});
afterEach(() => rmSync(root, { recursive: true }));

const open = (name = "node-1", cluster: ClusterFile = file, disk: FileSystem = fs): Identity => {
  checkForeign(path, disk);
  return openIdentity(path, cluster, name, disk);
};

function refusal(action: () => unknown): SherdError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(SherdError);
    return error as SherdError;
  }
  throw new Error("nothing was refused");
}

class Crash extends Error {}

/** Real files; the process "ends" before call number `at`. */
function crashingBefore(at: number): { disk: FileSystem; calls: string[] } {
  const calls: string[] = [];
  const disk = new Proxy(fs, {
    get(target, name) {
      const real = Reflect.get(target, name);
      return (...args: unknown[]) => {
        if (calls.length === at) throw new Crash(String(name));
        calls.push(String(name));
        return Reflect.apply(real, target, args);
      };
    },
  });
  return { disk, calls };
}

test("a new directory is made, and found again with a higher boot counter", () => {
  const first = open();
  expect(readdirSync(path).sort()).toEqual(["identity.json", "log", "logs", "store"]);
  expect(first.plan).toEqual(bootstrapPlan(file));
  const second = open();
  expect(second).toEqual({ ...first, bootCounter: 2 });
  expect(open().bootCounter).toBe(3);
});

test("a creation interrupted before any call to the disk continues at the next start", () => {
  let interrupted = 0;
  for (let at = 0; ; at += 1) {
    rmSync(join(root, "data"), { recursive: true, force: true });
    const { disk } = crashingBefore(at);
    try {
      open("node-1", file, disk);
      break;
    } catch (error) {
      expect(error).toBeInstanceOf(Crash);
      interrupted += 1;
    }
    const continued = open();
    expect(continued.plan).toEqual(bootstrapPlan(file));
    expect(open().directory).toBe(continued.directory);
  }
  expect(interrupted).toBeGreaterThan(20);
});

test("a start interrupted before any call to the disk keeps the directory, and a counter is never used twice", () => {
  const first = open();
  let at = 0;
  let used = first.bootCounter as number;
  for (; ; at += 1) {
    const { disk } = crashingBefore(at);
    try {
      expect(open("node-1", file, disk).bootCounter).toBeGreaterThan(used);
      break;
    } catch (error) {
      expect(error).toBeInstanceOf(Crash);
    }
    const next = open();
    expect(next.bootCounter).toBeGreaterThan(used);
    used = next.bootCounter;
    expect(next.directory).toBe(first.directory);
  }
  expect(at).toBeGreaterThan(8);
});

test("the identity is synced before it gets its name, and its name before the node goes on", () => {
  open();
  const { disk, calls } = crashingBefore(Number.POSITIVE_INFINITY);
  open("node-1", file, disk);
  const written = calls.slice(calls.indexOf("writeSync"));
  expect(written).toEqual(["writeSync", "fsyncSync", "closeSync", "renameSync", "openSync", "fsyncSync", "closeSync"]);
});

test("another cluster's directory is refused", () => {
  open();
  const other = { ...file, cluster: "c".repeat(40) };
  expect(refusal(() => open("node-1", other)).code).toBe("SHERD_DATA_OTHER_CLUSTER");
});

test("another node's directory is refused", () => {
  open();
  const error = refusal(() => open("node-2"));
  expect(error.code).toBe("SHERD_DATA_OTHER_NODE");
  expect(error.detail).toBe(`${path} belongs to node-1, not to node-2.`);
});

test.each([
  ["shards", { ...file, shards: 6 }, /began with 5 shards with 3 replicas .* now says 6 with 3/],
  ["replicas", { ...file, replicas: 1 }, /now says 5 with 1/],
  ["nodes", { ...file, replicas: 3, nodes: [...file.nodes, { ...file.nodes[0], name: "node-4" }] }, /node-4/],
])("changed %s in the file are refused", (_, changed, message) => {
  open();
  const error = refusal(() => open("node-1", changed as ClusterFile));
  expect(error.code).toBe("SHERD_CLUSTER_FILE");
  expect(error.detail).toMatch(message);
});

test("changed addresses in the file are fine, and the plan stays as it was", () => {
  const first = open();
  const moved = { ...file, nodes: file.nodes.map((node) => ({ ...node, host: "10.1.1.1", peerPort: 9000 })) };
  expect(open("node-1", moved).plan).toEqual(first.plan);
});

test("another format is refused with both numbers, a damaged identity by its path", () => {
  open();
  const identityPath = join(path, "identity.json");
  const text = readFileSync(identityPath, "utf8");
  writeFileSync(identityPath, JSON.stringify({ format: 2, anything: true }));
  const other = refusal(open);
  expect(other.code).toBe("SHERD_DATA_FORMAT");
  expect(other.detail).toBe(`${identityPath} says format 2; this version reads format 1.`);
  for (const damaged of ["", text.slice(0, 200), "{}", text.replace('"bootCounter": 1', '"bootCounter": -1')]) {
    writeFileSync(identityPath, damaged);
    const error = refusal(open);
    expect(error.code).toBe("SHERD_DATA_FORMAT");
    expect(error.detail).toContain(`${identityPath} is damaged`);
    expect(readFileSync(identityPath, "utf8")).toBe(damaged);
  }
});

test("a directory with other files is refused and left as it is", () => {
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "thesis.doc"), "three years of work");
  const error = refusal(open);
  expect(error.code).toBe("SHERD_DATA_FOREIGN_FILE");
  expect(error.detail).toContain("thesis.doc");
  expect(readdirSync(path)).toEqual(["thesis.doc"]);
});

test("a log without an identity is refused: a new identity would make it another node's", () => {
  open();
  writeFileSync(join(path, "log", "0001"), "entries");
  rmSync(join(path, "identity.json"));
  expect(refusal(open).code).toBe("SHERD_DATA_FOREIGN_FILE");
});
