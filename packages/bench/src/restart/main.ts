/**
 * One node full of keys (30 to 40 bytes, values of 80): its memory, and the time from kill -9 until the launcher has
 * brought it back and it has acknowledged a write and answered a read.
 *
 *   npm run bench -- restart [--keys 5000000] [--record FILE] [--data DIR]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Cluster } from "../cluster/cluster.ts";
import { syncLatency } from "../cluster/disk.ts";
import { machine } from "../machine.ts";
import { DataSet } from "./data-set.ts";
import { firstAnswers, load, readRandomly } from "./pipeline.ts";

const { values } = parseArgs({
  options: {
    keys: { type: "string", default: "5000000" },
    record: { type: "string" },
    data: { type: "string" },
  },
});

const READS = 300_000;
/** The launcher starts a node that served for so long again at once; others wait. */
const SERVED_WELL_MS = 10_000;

interface Memory {
  readonly anonymousMiB: number;
  readonly filesMiB: number;
  /** The most that was resident at any time. */
  readonly peakMiB: number;
}

const keys = Number(values.keys);
if (!Number.isSafeInteger(keys) || keys < 1) throw new RangeError("--keys takes a number from 1 on");
const data = values.data ?? mkdtempSync(join(tmpdir(), "sherd-bench-"));
const cluster = await Cluster.start(join(data, "cluster"), 1);
try {
  const report = await measure(new DataSet(keys));
  if (values.record !== undefined) writeFileSync(values.record, `${JSON.stringify(report, undefined, 2)}\n`);
} finally {
  await cluster.stop();
  if (values.data === undefined) rmSync(data, { recursive: true });
}

async function measure(set: DataSet): Promise<Record<string, unknown>> {
  const servingSince = performance.now();
  const empty = tell("empty", memory());
  const loadedPerSecond = await load(cluster.respPort, set);
  tell("load", `${keys} keys, ${loadedPerSecond}/s`);
  const loaded = tell("after the load", memory());
  await new Promise((resolve) => setTimeout(resolve, SERVED_WELL_MS - (performance.now() - servingSince)));

  const killed = cluster.processId(1);
  const killedAt = performance.now();
  process.kill(killed, "SIGKILL");
  const first = await firstAnswers(cluster.respPort, set, killedAt);
  const readyAfterMs = readyAfter();
  tell("kill -9 to the first write", `${first.writeMs} ms, to the first read ${first.readMs} ms`);
  tell("the node's own", `ready after ${readyAfterMs} ms`);
  const restarted = tell("after the restart", memory());

  const readsPerSecond = await readRandomly(cluster.respPort, set, READS);
  tell("random reads", `${READS}, ${readsPerSecond}/s`);
  const read = tell("after the reads", memory());
  return {
    when: new Date().toISOString(),
    machine: machine(),
    fdatasyncMs: await syncLatency(data),
    keys,
    load: { perSecond: loadedPerSecond, storeMiB: mebibytes(sizeOf(join(cluster.directory(1), "store"))) },
    restart: { firstWriteMs: first.writeMs, firstReadMs: first.readMs, readyAfterMs },
    reads: { count: READS, perSecond: readsPerSecond },
    memory: { empty, loaded, restarted, read },
  };
}

function memory(): Memory {
  const status = readFileSync(`/proc/${cluster.processId(1)}/status`, "utf8");
  const of = (field: string): number => {
    const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
    if (line === null) throw new Error(`/proc tells no ${field}: this needs Linux`);
    return mebibytes(Number(line[1]) * 1024);
  };
  return { anonymousMiB: of("RssAnon"), filesMiB: of("RssFile"), peakMiB: of("VmHWM") };
}

/** What the node says of its last start: from its beginning until its shards were led. */
function readyAfter(): number {
  const log = readFileSync(join(cluster.directory(1), "logs", "node.log"), "utf8");
  const said = [...log.matchAll(/is ready after (\d+) ms/g)].at(-1);
  if (said === undefined) throw new Error("the node's log does not say when it was ready");
  return Number(said[1]);
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((bytes, name) => bytes + statSync(join(directory, name)).size, 0);
}

function mebibytes(bytes: number): number {
  return Number((bytes / 1024 / 1024).toFixed(1));
}

function tell<T extends string | Memory>(what: string, value: T): T {
  const text =
    typeof value === "string"
      ? value
      : `${value.anonymousMiB} MiB anonymous, ${value.filesMiB} MiB of files, peak ${value.peakMiB} MiB`;
  process.stdout.write(`${what.padEnd(28)} ${text}\n`);
  return value;
}
