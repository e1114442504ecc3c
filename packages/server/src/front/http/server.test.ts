import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeNode } from "../../core/session/testing/fake-node.ts";
import type { Front } from "../listen.ts";
import { startHttp } from "./index.ts";

let node: FakeNode;
let front: Front;
beforeEach(async () => {
  node = new FakeNode({ shards: 2 });
  front = await startHttp(node, { host: "127.0.0.1", port: 0 });
});
afterEach(async () => front.close());

const ask = (path: string, method = "GET"): Promise<Response> =>
  fetch(`http://127.0.0.1:${front.port}${path}`, { method });

test("healthz says that the process serves, readyz that the node does", async () => {
  expect((await ask("/healthz")).status).toBe(200);
  expect((await ask("/readyz")).status).toBe(200);
  node.ready = false;
  expect((await ask("/healthz")).status).toBe(200);
  expect((await ask("/readyz?verbose")).status).toBe(503);
});

test("status is the node's state and its map", async () => {
  const response = await ask("/status");
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  const status = (await response.json()) as Record<string, unknown>;
  expect(status).toMatchObject({
    id: node.id,
    ready: true,
    keys: 0,
    map: {
      version: 1,
      nodes: [{ id: node.id, addresses: { clusterPort: 7379 } }],
      shards: [
        { group: 1, leader: { node: node.id, term: 1 } },
        { group: 2, slots: [{ from: 8192, to: 16383 }] },
      ],
    },
  });
});

test("anything else is refused in words", async () => {
  expect((await ask("/nothing")).status).toBe(404);
  const post = await ask("/status", "POST");
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  expect((await ask("/healthz", "HEAD")).status).toBe(200);
});

test("a taken port is a coded error that names it", async () => {
  await expect(startHttp(node, { host: "127.0.0.1", port: front.port })).rejects.toMatchObject({
    code: "SHERD_ADDRESS_IN_USE",
    detail: `The HTTP port 127.0.0.1:${front.port} is taken.`,
  });
});

test("metrics that cannot be made are a 500, and a warning in the node's log", async () => {
  const metrics = { contentType: "text/plain", text: () => Promise.reject(new Error("a collector threw")) };
  const other = await startHttp(node, { host: "127.0.0.1", port: 0, metrics });
  try {
    const response = await fetch(`http://127.0.0.1:${other.port}/metrics`);
    expect([response.status, await response.text()]).toEqual([
      500,
      "the page could not be made: the node's log says why\n",
    ]);
    expect(node.complaints).toMatchObject([{ key: "metrics", error: "Error: a collector threw" }]);
    expect((await fetch(`http://127.0.0.1:${other.port}/healthz`)).status).toBe(200);
  } finally {
    await other.close();
  }
});
