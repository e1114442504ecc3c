import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const STAT = "/proc/stat";
/** Fields of its first line, in order: user nice system idle iowait irq softirq steal. */
const STEAL = 7;
const FIELDS = 8;

export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly node: string;
  /** See `StolenTime`; since this program began. */
  readonly stolenPercent: number | undefined;
}

interface ProcessorTimes {
  readonly stolen: number;
  readonly all: number;
}

/**
 * Which share of the processors' time other guests of the same host had. Figures of two runs in which it differs do not
 * compare, and a high one makes every wait long.
 */
export class StolenTime {
  #since: ProcessorTimes | undefined = processorTimes();

  /** Percent since the last call, or since it was made. Undefined where the system does not tell. */
  takePercent(): number | undefined {
    const [since, now] = [this.#since, processorTimes()];
    this.#since = now;
    if (since === undefined || now === undefined) return undefined;
    return Number(((100 * (now.stolen - since.stolen)) / Math.max(1, now.all - since.all)).toFixed(1));
  }
}

const sinceStart = new StolenTime();

/** What the figures of a report are figures of. Once, at the end. */
export function machine(): Machine {
  return {
    processors: cpus().length,
    model: cpus()[0]?.model ?? "unknown",
    node: process.versions.node,
    stolenPercent: sinceStart.takePercent(),
  };
}

function processorTimes(): ProcessorTimes | undefined {
  if (!existsSync(STAT)) return undefined;
  const line = readFileSync(STAT, "utf8").split("\n", 1)[0] ?? "";
  const times = line
    .trim()
    .split(/\s+/)
    .slice(1, 1 + FIELDS)
    .map(Number);
  return { stolen: times[STEAL] ?? 0, all: times.reduce((sum, time) => sum + time, 0) };
}
