import { MARKS } from "sherd/core/base";
import { describe, type Operation } from "./checkers/index.ts";
import type { Outcome } from "./jobs.ts";
import { MARK, type RunResult } from "./run.ts";
import { Coverage } from "./world/index.ts";

const EVENTS_SHOWN = 60;
const FAULTS_SHOWN = 25;
/** Lines of a timeline; operations are never left out. */
const TIMELINE_MAX = 160;

/** The broken promise, what led to it, and how to see it again. */
export function failureReport(result: RunResult, command: string): string {
  const { seed, violation, lastEvents, history, faults } = result;
  const lines = [`Seed ${seed} breaks a promise: ${violation?.promise}`, violation?.detail ?? ""];
  if (violation?.cause instanceof Error) lines.push(violation.cause.stack ?? "");
  lines.push("", `Faults (${faults.length}, the last ones):`);
  for (const { ordinal, atMs, kind, parameters } of faults.slice(-FAULTS_SHOWN)) {
    lines.push(`  ${atMs.toFixed(3).padStart(11)} fault ${ordinal}: ${kind} ${JSON.stringify(parameters)}`);
  }
  lines.push("", history.length === 0 ? "The last events:" : "The key's history, and what happened meanwhile:");
  for (const line of timeline(lastEvents, history)) lines.push(`  ${line}`);
  lines.push("", `Repeat:   ${command}`, `Minimize: ${command} --minimize`);
  return lines.join("\n");
}

/** Events, and operations where they began, by time. Without operations: the last events. */
export function timeline(events: readonly string[], operations: readonly Operation[]): string[] {
  if (operations.length === 0) return events.slice(-EVENTS_SHOWN);
  const from = Math.min(...operations.map(({ beganMs }) => beganMs));
  const to = Math.max(...operations.map(({ beganMs, endedMs }) => (Number.isFinite(endedMs) ? endedMs : beganMs)));
  const timed = events
    .map((line) => ({ atMs: Number.parseFloat(line), line }))
    .filter(({ atMs }) => atMs >= from && atMs <= to);
  const told = operations.map((operation) => ({ atMs: operation.beganMs, line: `${describe(operation)}  <--` }));
  const all = [...timed, ...told].sort((left, right) => left.atMs - right.atMs);
  // What happened long before the last operations matters less than what each of them saw.
  const spare = Math.max(0, all.length - TIMELINE_MAX);
  const dropped = new Set(timed.slice(0, spare));
  return all.filter((one) => !dropped.has(one)).map(({ line }) => line);
}

export function lineOf({ seed, hash, virtualMs, operations, undecided, failure }: Outcome): string {
  const verdict = failure === undefined ? "ok" : "VIOLATION";
  const doubt = undecided === 0 ? "" : `, ${undecided} histories UNDECIDED`;
  const seconds = (virtualMs / 1000).toFixed(1);
  return `seed ${seed}  trace ${hash}  ${seconds} s virtual  ${operations} operations  ${verdict}${doubt}`;
}

/** What a series of seeds has done. */
export class Summary {
  readonly #coverage: Coverage = new Coverage();
  readonly #startedMs: number = performance.now();
  seeds = 0;
  #virtualMs = 0;
  #operations = 0;
  #undecided = 0;
  #faults = 0;

  add({ virtualMs, operations, undecided, coverage }: Outcome): void {
    this.seeds += 1;
    this.#virtualMs += virtualMs;
    this.#operations += operations;
    this.#undecided += undecided;
    for (const [what, count] of coverage) {
      this.#coverage.count(what, count);
      if (what.startsWith("fault: ")) this.#faults += count;
    }
  }

  /** One line, for progress. */
  line(): string {
    const minutes = ((performance.now() - this.#startedMs) / 60_000).toFixed(1);
    const hours = (this.#virtualMs / 3_600_000).toFixed(2);
    return `${this.seeds} seeds, ${hours} virtual hours, ${this.#operations} operations, ${this.#faults} faults in ${minutes} min`;
  }

  print(): void {
    console.log("\nWhat happened:");
    for (const [what, count] of this.#coverage.entries()) console.log(`  ${String(count).padStart(9)}  ${what}`);
    const never = MARKS.filter((name) => this.#coverage.of(MARK + name) === 0);
    console.log(`\nRare branches of core reached: ${MARKS.length - never.length} of ${MARKS.length}. Never:`);
    for (const name of never) console.log(`             ${name}`);
    console.log(`\nsim: ${this.line()}, no promise broken.`);
    console.log(`Undecided: ${this.#undecided} histories were too entangled for the checker.`);
  }
}
