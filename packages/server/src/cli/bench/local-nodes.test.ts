import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LocalNode, localNodes } from "./local-nodes.ts";

let data: string;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "sherd-local-nodes-"));
});

afterEach(() => rmSync(data, { recursive: true }));

function writeRunFile(name: string, text: string): void {
  mkdirSync(join(data, name));
  writeFileSync(join(data, name, "run.json"), text);
}

const runFile = (pid: number, httpPort = 7080): string =>
  JSON.stringify({
    pid,
    startedAtMs: 5,
    addresses: { host: "127.0.0.1", peerPort: 1, respPort: 2, clusterPort: 7379, grpcPort: 3, httpPort },
  });

test("nodes are the directories with a run file", () => {
  writeRunFile("node-1", runFile(11));
  writeRunFile("node-2", runFile(12));
  mkdirSync(join(data, "other"));
  writeFileSync(join(data, "cluster.json"), "{}");
  expect(localNodes(data).list()).toMatchObject([
    { name: "node-1", pid: 11, startedAtMs: 5, addresses: { host: "127.0.0.1", clusterPort: 7379 } },
    { name: "node-2", pid: 12 },
  ]);
});

test("a directory without nodes, and a damaged run file, are told by name", () => {
  expect(() => localNodes(data).list()).toThrow(`SHERD_LOCAL_CLUSTER: ${data} holds no node that was started.`);
  writeRunFile("node-1", "{ damaged");
  expect(() => localNodes(data).list()).toThrow(`${join(data, "node-1", "run.json")} is not a node's run file`);
});

test("a process that does not hold the node's lock is never killed, whatever the run file says", async () => {
  // This very process: were it killed, the test would notice.
  writeRunFile("node-1", runFile(process.pid));
  const nodes = localNodes(data);
  const [node] = nodes.list() as [LocalNode];
  await expect(nodes.kill(node)).rejects.toThrow(`node-1 does not run as process ${process.pid} any more`);
});

test("ready is what /readyz says; a node that is down is not", async () => {
  let status = 503;
  const paths: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    response.writeHead(status).end("body");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  writeRunFile("node-1", runFile(11, port));
  const nodes = localNodes(data);
  const [node] = nodes.list() as [LocalNode];
  expect(await nodes.isReady(node)).toBe(false);
  status = 200;
  expect(await nodes.isReady(node)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(await nodes.isReady(node)).toBe(false);
  expect(paths).toEqual(["/readyz", "/readyz"]);
});
