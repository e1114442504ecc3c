import { LATENCY_EVENTS_MAX, LATENCY_SAMPLES_MAX } from "../base/index.ts";

interface LatencySample {
  readonly atSeconds: number;
  readonly ms: number;
}

export interface LatencyEvent {
  /** Oldest first; at most one a second, the longest of it. */
  readonly samples: LatencySample[];
  maxMs: number;
}

/** Moments in which something took at least `latency-monitor-threshold`, by the name of what it was. */
export class LatencyMonitor {
  readonly #events: Map<string, LatencyEvent> = new Map();

  get events(): ReadonlyMap<string, LatencyEvent> {
    return this.#events;
  }

  add(name: string, durationMs: number, wallMs: number): void {
    let event = this.#events.get(name);
    if (event === undefined) {
      if (this.#events.size >= LATENCY_EVENTS_MAX) return;
      event = { samples: [], maxMs: 0 };
      this.#events.set(name, event);
    }
    const ms = Math.round(durationMs);
    const atSeconds = Math.floor(wallMs / 1000);
    event.maxMs = Math.max(event.maxMs, ms);
    const last = event.samples.at(-1);
    if (last?.atSeconds === atSeconds) {
      event.samples[event.samples.length - 1] = { atSeconds, ms: Math.max(ms, last.ms) };
      return;
    }
    event.samples.push({ atSeconds, ms });
    if (event.samples.length > LATENCY_SAMPLES_MAX) event.samples.shift();
  }

  /** How many of the named events (all, if none is named) there were. */
  reset(names: readonly string[]): number {
    if (names.length > 0) return names.filter((name) => this.#events.delete(name)).length;
    const { size } = this.#events;
    this.#events.clear();
    return size;
  }
}
