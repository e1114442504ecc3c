import { checkKey, describe, type Operation } from "@sherd/sim/checkers";
import { Violation } from "@sherd/sim/world";
import { CHECK_MS_MAX } from "../limits.ts";
import type { Recorder } from "./recorder.ts";

export interface Verdicts {
  readonly linearizable: number;
  /** Searches that were given up, and histories for which there was no time. */
  readonly undecided: number;
  readonly broken: readonly BrokenHistory[];
}

export interface BrokenHistory {
  readonly key: string;
  readonly violation: Violation;
  /** The whole history of the key, a line each. */
  readonly lines: readonly string[];
  /** The first line that is marked. */
  readonly at: number;
}

/** Of the operations that nothing explains. */
const STUCK_SHOWN = 5;

/** The simulator's checkers, over every key. */
export function checkHistories(recorder: Recorder, msMax: number = CHECK_MS_MAX): Verdicts {
  const untilMs = performance.now() + msMax;
  const broken: BrokenHistory[] = [];
  let linearizable = 0;
  let undecided = 0;
  for (const key of recorder.keys) {
    const history = recorder.of(key);
    const verdict = performance.now() > untilMs ? { linearizable: undefined } : checkKey(history);
    if (verdict.linearizable === undefined) undecided += 1;
    else if (verdict.linearizable) linearizable += 1;
    else broken.push(breach(key, history, verdict.stuck));
  }
  return { linearizable, undecided, broken };
}

function breach(key: string, history: readonly Operation[], stuck: readonly Operation[]): BrokenHistory {
  const shown = stuck.slice(0, STUCK_SHOWN).map((operation) => `\n  ${describe(operation)}`);
  const detail = `${key}: no order of ${history.length} operations explains what one of these saw:${shown.join("")}`;
  const marked = new Set(stuck);
  const lines = history.map((operation) => `${marked.has(operation) ? "! " : "  "}${describe(operation)}`);
  const at = history.findIndex((operation) => marked.has(operation));
  return { key, violation: new Violation("every key is linearizable", detail), lines, at };
}
