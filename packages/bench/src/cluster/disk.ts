import { closeSync, fdatasync, openSync, rmSync, write } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";

const SAMPLES = 300;
const BYTES = 160;

/** What one small durable append costs here, without anything of sherd: milliseconds. */
export async function syncLatency(directory: string): Promise<{ p50: number; p99: number }> {
  const path = join(directory, "fdatasync.probe");
  const file = openSync(path, "w");
  const append = promisify(write);
  const sync = promisify(fdatasync);
  const bytes = new Uint8Array(BYTES);
  const times: number[] = [];
  try {
    for (let at = 0; at < SAMPLES; at += 1) {
      const began = performance.now();
      await append(file, bytes, 0, BYTES, at * BYTES);
      await sync(file);
      times.push(performance.now() - began);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => Number((times[Math.floor(times.length * part)] as number).toFixed(3));
  return { p50: at(0.5), p99: at(0.99) };
}
