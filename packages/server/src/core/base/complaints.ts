import { COMPLAINT_KEYS_MAX, COMPLAINT_REPEAT_MS } from "./limits.ts";

type Level = "warn" | "error";
type Fields = Readonly<Record<string, unknown>>;

interface Logger {
  log(level: Level, message: string, fields: Fields): void;
}

/** Log lines about what others do: one that does it again and again must not fill the log. */
export class Complaints {
  readonly #logger: Logger;
  readonly #lastMs = new Map<string, number>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Logs what has not been logged under `key` for `COMPLAINT_REPEAT_MS`. */
  log(nowMs: number, level: Level, key: string, message: string, fields: Fields): void {
    const last = this.#lastMs.get(key);
    if (last !== undefined && nowMs - last < COMPLAINT_REPEAT_MS) return;
    if (this.#lastMs.size >= COMPLAINT_KEYS_MAX) this.#lastMs.clear();
    this.#lastMs.set(key, nowMs);
    this.#logger.log(level, message, fields);
  }
}
