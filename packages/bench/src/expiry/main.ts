/**
 * Nodes full of keys that all end in the same second, and clients that want something else just then: what they
 * wait, before and after, and how long it takes until the space is back.
 *
 *   npm run bench -- expiry [--keys 10000000] [--nodes 3] [--load-minutes N] [--record FILE] [--data DIR]
 *
 * `--load-minutes`: the keys end so long after the start and must be there by then. Without it, the time that loading them
 * takes is estimated.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { RespConnection } from "@sherd/client";
import { Cluster } from "../cluster/cluster.ts";
import { syncLatency } from "../cluster/disk.ts";
import { machine } from "../machine.ts";
import { pipeline } from "../pipeline.ts";
import { Bystander, KEYS as STAYING } from "./bystander.ts";
import { Nodes } from "./nodes.ts";
import { type Phase, Phases } from "./phases.ts";

const QUIET_MS = 10_000;
/** So many keys are loaded first, to find out how long all of them take: they must be there before they end. */
const SAMPLE = 200_000;
/** Loading becomes slower with the keys. */
const SAFETY = 1.6;
/** So often a load that will not be done in time is noticed: after each such part of it, ... */
const PARTS = 20;
/** ... when so many are done: a node that has just started is slow. */
const PARTS_TO_JUDGE = 5;
const HOST = "127.0.0.1";
const LOOK_MS = 1_000;
const HOUR_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "10000000" },
    nodes: { type: "string", default: "3" },
    "load-minutes": { type: "string" },
    record: { type: "string" },
    data: { type: "string" },
  },
});
const keys = Number(values.keys);
if (!Number.isSafeInteger(keys) || keys < 1) throw new RangeError("--keys takes a number from 1 on");
const nodes = Number(values.nodes);
if (!Number.isSafeInteger(nodes) || nodes < 1) throw new RangeError("--nodes takes a number from 1 on");
const data = values.data ?? mkdtempSync(join(tmpdir(), "sherd-bench-"));
const cluster = await Cluster.start(join(data, "cluster"), nodes);
try {
  const report = await measure();
  if (values.record !== undefined) writeFileSync(values.record, `${JSON.stringify(report, undefined, 2)}\n`);
} finally {
  await cluster.stop();
  if (values.data === undefined) rmSync(data, { recursive: true });
}

async function measure(): Promise<Record<string, unknown>> {
  const minutes = values["load-minutes"];
  const loadMs = minutes === undefined ? await estimatedMs() : Number(minutes) * 60_000;
  const endMs = Date.now() + QUIET_MS + loadMs;
  const perSecond = await loadBefore(endMs);
  tell("load", `${keys} keys, ${perSecond}/s`);
  await until(endMs - QUIET_MS);
  const bystander = new Bystander(HOST, cluster.respPort);
  const phases = new Phases(bystander, new Nodes(cluster, nodes));
  await phases.take();
  await until(endMs);
  const before = tellPhase("the ten seconds before", await phases.take());
  const looking = untilGone(endMs, phases);
  await until(endMs + QUIET_MS);
  const after = tellPhase("the ten seconds after", await phases.take());
  const goneAfterSeconds = await looking;
  const meanwhile = tellPhase("until all were removed", await phases.take());
  const undisturbed = phases.undisturbed();
  const removedPerSecond = Math.round(keys / Math.max(1, goneAfterSeconds));
  tell("undisturbed", `${undisturbed.seconds} seconds of these, max ${undisturbed.maxMs} ms`);
  tell("space given back", `${goneAfterSeconds} s after their end: ${removedPerSecond} keys/s`);
  await bystander.stop();
  return {
    when: new Date().toISOString(),
    machine: machine(),
    fdatasyncMs: await syncLatency(data),
    nodes,
    keys,
    load: { perSecond },
    waits: { before, after, meanwhile, undisturbed },
    goneAfterSeconds,
    removedPerSecond,
    seconds: phases.seconds,
  };
}

/** How long all keys may take, by a part of them. */
async function estimatedMs(): Promise<number> {
  const perSecond = await load(Math.min(SAMPLE, keys), Date.now() + HOUR_MS);
  return Math.round((keys / perSecond) * SAFETY * 1_000);
}

/** All keys, in parts. Rate per second. */
async function loadBefore(endMs: number): Promise<number> {
  const beganMs = Date.now();
  for (let part = 1, loaded = 0; part <= PARTS; part += 1) {
    const upTo = Math.round((keys * part) / PARTS);
    await load(upTo - loaded, endMs, loaded);
    loaded = upTo;
    const doneMs = beganMs + ((Date.now() - beganMs) * PARTS) / part;
    if (part >= PARTS_TO_JUDGE && doneMs > endMs - QUIET_MS) {
      throw new Error(`the keys take too long to load: ${loaded} are there, and some would end before all are`);
    }
  }
  return Math.round(keys / ((Date.now() - beganMs) / 1_000));
}

function load(count: number, endMs: number, from = 0): Promise<number> {
  const end = String(endMs);
  return pipeline(
    cluster.respPort,
    count,
    (connection, at, done) => connection.send(["SET", `ends:${from + at}`, `value ${from + at}`, "PXAT", end], done),
    (answer) => answer === "OK",
  );
}

/** Until nothing is left of them: DBSIZE counts rows, also those that nobody sees any more. Seconds. */
async function untilGone(sinceMs: number, phases: Phases): Promise<number> {
  const connection = await RespConnection.open({ host: HOST, port: cluster.respPort });
  phases.restartSeconds();
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const left = await connection.call(["DBSIZE"]);
    if (typeof left !== "number") throw new Error("DBSIZE was not answered with a number");
    phases.second(sinceMs, Math.max(0, left - STAYING));
    if (left <= STAYING) break;
  }
  connection.close();
  return Math.round((Date.now() - sinceMs) / 1_000);
}

async function until(wallMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, wallMs - Date.now())));
}

function tell(what: string, text: string): void {
  process.stdout.write(`${what.padEnd(28)} ${text}\n`);
}

function tellPhase(what: string, phase: Phase): Phase {
  const { count, p50Ms, p99Ms, maxMs, stolenPercent, pauseMs } = phase;
  tell(
    what,
    `${count} writes and reads, p50 ${p50Ms} ms, p99 ${p99Ms} ms, max ${maxMs} ms; stolen ${stolenPercent} %, pause of a node ${pauseMs} ms`,
  );
  return phase;
}
