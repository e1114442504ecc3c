import type { CommandSpec } from "../command/index.ts";

/** What CLIENT PAUSE holds back. */
export const PauseMode = { none: 0, writes: 1, all: 2 } as const;
export type PauseMode = (typeof PauseMode)[keyof typeof PauseMode];

/** Writes as well: what they send goes to other nodes. */
const PUBLISHES: ReadonlySet<string> = new Set(["publish", "spublish"]);

/**
 * CLIENT PAUSE: the connections of this node keep commands back, in their order, until it ends. It is about this node's
 * clients and nothing else: shards go on, and so do the clients of other nodes.
 */
export class ClientPause {
  mode: PauseMode = PauseMode.none;
  #untilMs = 0;

  /** Of two pauses the stricter and the longer counts. */
  begin(mode: PauseMode, untilMs: number): void {
    if (mode > this.mode) this.mode = mode;
    this.#untilMs = Math.max(this.#untilMs, untilMs);
  }

  holds(write: boolean): boolean {
    return this.mode !== PauseMode.none && (write || this.mode === PauseMode.all);
  }

  /** Whether it holds a command of the connection. CLIENT itself goes on, or nobody could end the pause. */
  holdsCommand({ name, flags }: CommandSpec): boolean {
    if (this.mode === PauseMode.none || name === "client") return false;
    return this.holds(flags.includes("write") || PUBLISHES.has(name));
  }

  /** Whether there was one. */
  end(): boolean {
    const was = this.mode !== PauseMode.none;
    this.mode = PauseMode.none;
    this.#untilMs = 0;
    return was;
  }

  isOver(nowMs: number): boolean {
    return this.mode !== PauseMode.none && nowMs >= this.#untilMs;
  }
}
