/** What Linux tells of a process and of the machine. */
import { readFileSync, writeFileSync } from "node:fs";

const KIB_PER_MIB = 1024;
/** Fields of the first line of /proc/stat: user nice system idle iowait irq softirq steal. */
const STEAL = 7;
const TIMES = 8;

/** The most memory that the process held since the last `forgetPeak`, in MiB. */
export function peakMib(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kib) / KIB_PER_MIB);
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

/** What the processors did since the machine started, in ticks: all of it, and what other guests of its host took. */
export function processorTicks(): { readonly all: number; readonly stolen: number } {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const times = line
    .trim()
    .split(/\s+/)
    .slice(1, 1 + TIMES)
    .map(Number);
  return { all: times.reduce((sum, time) => sum + time, 0), stolen: times[STEAL] ?? 0 };
}
