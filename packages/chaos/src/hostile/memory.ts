import { readFileSync, writeFileSync } from "node:fs";

const KIB_PER_MIB = 1024;

/** The most memory that the process held since the last `forgetPeak`, in MiB. Linux. */
export function peakMib(pid: number): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kib) / KIB_PER_MIB);
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
