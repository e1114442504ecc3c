import { NODES_MAX, PEER_LOG_MS } from "../base/index.ts";
import type { Env } from "../env/index.ts";

/** Log lines about peers: one that tries again and again must not fill the log. */
export class Complaints {
  readonly #env: Env;
  readonly #lastMs = new Map<string, number>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Logs what has not been logged under `key` for `PEER_LOG_MS`. */
  log(
    nowMs: number,
    level: "warn" | "error",
    key: string,
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const last = this.#lastMs.get(key);
    if (last !== undefined && nowMs - last < PEER_LOG_MS) return;
    if (this.#lastMs.size >= NODES_MAX) this.#lastMs.clear();
    this.#lastMs.set(key, nowMs);
    this.#env.log(level, message, fields);
  }
}
