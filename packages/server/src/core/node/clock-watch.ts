import { CLOCK_OFFSET_MS_MAX, CLOCK_SAMPLES, type NodeId } from "../base/index.ts";
import type { Env } from "../env/index.ts";

/**
 * How far this machine's clock is from the others'. Log time follows the leaders' clocks: a leader whose clock runs ahead
 * would end keys before their time, and log time never goes back. So a node whose clock is far from the middle of all
 * clocks does not lead. Its own counts among them: of two clocks nobody knows which one is wrong, and a majority that
 * agrees is needed to say so of the third.
 */
export class ClockWatch {
  /** What each node's last messages said: its clock less ours, when they arrived. */
  readonly #heard: Map<NodeId, number[]> = new Map();
  #offsetMs = 0;
  /** As of the last `changed`: what the log says and other nodes are told. */
  saidAstray = false;

  /** A node's clock as of when it sent, ours as of now. */
  heard(node: NodeId, theirWallMs: number, ownWallMs: number): void {
    const samples = this.#heard.get(node) ?? [];
    this.#heard.set(node, samples);
    samples.push(theirWallMs - ownWallMs);
    if (samples.length > CLOCK_SAMPLES) samples.shift();
    this.#judge();
  }

  /** The link is gone: what it said gets old. */
  forget(node: NodeId): void {
    if (this.#heard.delete(node)) this.#judge();
  }

  /** Our clock less the middle of all; positive when ours is ahead. */
  get offsetMs(): number {
    return this.#offsetMs;
  }

  get astray(): boolean {
    return Math.abs(this.#offsetMs) > CLOCK_OFFSET_MS_MAX;
  }

  /** Whether it is otherwise than when this was last asked; then it is logged. */
  changed(log: Env["log"]): boolean {
    if (this.astray === this.saidAstray) return false;
    this.saidAstray = this.astray;
    const offset = { offsetMs: Math.round(this.#offsetMs) };
    if (this.astray) log("warn", "this machine's clock is wrong: other nodes should lead", offset);
    else log("info", "this machine's clock agrees with the others' again", offset);
    return true;
  }

  #judge(): void {
    const clocks = [0];
    // A message that was long on its way makes its sender seem to be behind: the one that was quickest is believed.
    for (const samples of this.#heard.values()) clocks.push(Math.max(...samples));
    clocks.sort((left, right) => left - right);
    const upper = clocks[clocks.length >> 1] as number;
    const lower = clocks[(clocks.length - 1) >> 1] as number;
    // Between the two in the middle of an even number nothing decides: ours is taken for right as far as it may be.
    const middle = lower > 0 ? lower : Math.min(upper, 0);
    this.#offsetMs = middle === 0 ? 0 : -middle;
  }
}
