import { readFileSync } from "node:fs";
import { RespConnection } from "@sherd/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { metricsPage } from "../../../../scripts/generate-docs.mjs";
import { metricDefinitions } from "../front/metrics/index.ts";
import { startNode } from "./compose.ts";
import type { RunningNode } from "./node-config.ts";
import { freePort, HOST, OneNode } from "./testing/one-node.ts";

/** Name with labels, as on the page, to value. */
type Page = ReadonlyMap<string, number>;

let one: OneNode;
let node: RunningNode;
let ports: { respPort: number; httpPort: number };
let text: string;
let page: Page;

const ask = (client: RespConnection, ...args: string[]): Promise<unknown> =>
  new Promise((resolve) => {
    client.send(args, resolve);
  });

async function scrape(): Promise<string> {
  const response = await fetch(`http://${HOST}:${ports.httpPort}/metrics`);
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return response.text();
}

function parse(lines: string): Page {
  const values = new Map<string, number>();
  for (const line of lines.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    expect(values.has(line.slice(0, at)), `${line} is there once`).toBe(false);
    values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

const committed = (path: string): string => readFileSync(new URL(`../../../../docs/${path}`, import.meta.url), "utf8");

beforeAll(async () => {
  one = await OneNode.create();
  ports = { respPort: await freePort(), httpPort: await freePort() };
  node = await startNode(one.config(ports));
  await node.ready;
  const client = await RespConnection.open({ host: HOST, port: ports.respPort });
  for (let n = 0; n < 10; n += 1) await ask(client, "SET", `key:${n}`, "value");
  await ask(client, "LPUSHX", "key:0");
  await ask(client, "INCR", "key:0");
  await ask(client, "GET");
  await ask(client, "PING");
  text = await scrape();
  page = parse(text);
  client.close();
});
afterAll(async () => {
  await node.close();
  await one.dispose();
});

test("every metric is on the page of a node, typed and explained, and nothing else of ours", () => {
  for (const { name, type, help } of metricDefinitions) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }
  const families = new Set(metricDefinitions.map(({ name }) => name));
  for (const line of page.keys()) {
    const name = (line.split("{")[0] as string).replace(/_(bucket|sum|count)$/, "");
    expect(families.has(name) || /^(process|nodejs)_/.test(line), line).toBe(true);
  }
});

test("names and units are Prometheus'", () => {
  for (const { name, type, help, labels } of metricDefinitions) {
    expect(name).toMatch(/^sherd_[a-z_]+$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
    expect(labels.every((label) => /^[a-z_]+$/.test(label))).toBe(true);
    expect(name).not.toMatch(/_(ms|us|millis|kb|mib)(_|$)/);
  }
});

test("commands by name and result, with how long they took", () => {
  const total = (command: string, result: string): number | undefined =>
    page.get(`sherd_commands_total{command="${command}",result="${result}"}`);
  expect([total("set", "ok"), total("set", "failed"), total("set", "rejected")]).toEqual([10, 0, 0]);
  expect([total("incr", "ok"), total("incr", "failed")]).toEqual([0, 1]);
  expect([total("get", "ok"), total("get", "rejected")]).toEqual([0, 1]);
  expect(total("unknown", "rejected")).toBe(1);
  expect(total("ping", "ok")).toBe(1);
  expect(page.get('sherd_command_duration_seconds_count{command="set"}')).toBe(10);
  expect(page.get('sherd_command_duration_seconds_bucket{command="set",le="+Inf"}')).toBe(10);
  const took = page.get('sherd_command_duration_seconds_sum{command="set"}') as number;
  expect(took).toBeGreaterThan(0);
  expect(took).toBeLessThan(10);
});

test("buckets hold what is below them, so they grow", () => {
  const counts = [...page]
    .filter(([name]) => name.startsWith("sherd_log_sync_duration_seconds_bucket"))
    .map(([name, value]) => ({ le: Number(/le="([^"]*)"/.exec(name)?.[1]?.replace("+Inf", "Infinity")), value }));
  expect(counts.length).toBeGreaterThan(10);
  for (const [at, { le, value }] of counts.entries()) {
    const before = counts[at - 1];
    if (before === undefined) continue;
    expect(le).toBeGreaterThan(before.le);
    expect(value).toBeGreaterThanOrEqual(before.value);
  }
  expect(counts.at(-1)?.value).toBe(page.get("sherd_log_sync_duration_seconds_count"));
  expect(counts.at(-1)?.value).toBeGreaterThan(0);
});

test("the node, its shards and its process", () => {
  expect(page.get("sherd_ready")).toBe(1);
  expect(page.get('sherd_raft_role{shard="1",role="leader"}')).toBe(1);
  expect(page.get('sherd_raft_role{shard="meta",role="follower"}')).toBe(0);
  const keys = ["1", "2"].map((shard) => page.get(`sherd_keys{shard="${shard}"}`) as number);
  expect(keys[0]! + keys[1]!).toBe(10);
  expect(page.get("sherd_connections")).toBe(1);
  expect(page.get("sherd_log_entries_total")).toBeGreaterThan(10);
  expect(page.get("sherd_pass_duration_seconds_count")).toBeGreaterThan(10);
  expect(page.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  expect(page.has("nodejs_eventloop_lag_p99_seconds")).toBe(true);
});

test("what clients make up does not make lines", async () => {
  const before = page.size;
  const client = await RespConnection.open({ host: HOST, port: ports.respPort });
  for (let n = 0; n < 100; n += 1) await ask(client, `NOSUCH${n}`);
  client.close();
  const after = parse(await scrape());
  expect(after.get('sherd_commands_total{command="unknown",result="rejected"}')).toBe(101);
  const ours = (lines: Page): number => [...lines.keys()].filter((line) => line.startsWith("sherd_")).length;
  expect(ours(after)).toBe(ours(page));
  expect(before).toBeGreaterThan(0);
});

test("docs/metrics.md is what the definitions say", () => {
  expect(committed("metrics.md"), "stale; run `node scripts/generate-docs.mjs`").toBe(metricsPage(metricDefinitions));
});

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

test("the dashboard asks for nothing that a node does not have, and shows everything of ours", () => {
  const { panels } = JSON.parse(committed("grafana/sherd.json")) as { panels: readonly Panel[] };
  // By the page's own declarations: the first line of a metric may come with its first event (garbage collection).
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name, type]));
  const exists = (name: string): boolean => {
    const family = name.replace(/_(bucket|sum|count)$/, "");
    return types.get(family) === "histogram" ? family !== name : types.has(name);
  };
  const asked = new Set<string>();
  for (const { title, targets } of panels) {
    for (const { expr } of targets ?? []) {
      const found = expr.match(/\b(?:sherd|process|nodejs)_[a-z0-9_]+/g) ?? [];
      expect(found.length, `${title}: ${expr}`).toBeGreaterThan(0);
      for (const name of found) asked.add(name);
    }
  }
  expect([...asked].filter((name) => !exists(name))).toEqual([]);
  const shown = (name: string): boolean => [...asked].some((one) => one === name || one.startsWith(`${name}_`));
  expect(metricDefinitions.map(({ name }) => name).filter((name) => !shown(name))).toEqual([]);
});
