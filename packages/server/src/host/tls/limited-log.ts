import { TLS_LOG_MS_MIN } from "./limits.ts";

/** Kinds are fixed by whoever logs, or are the nodes of the cluster; strangers cannot make them up. */
const KINDS_MAX = 256;

/** Lets one line of each kind pass in a time, with the number of those that did not pass before it. */
export class LimitedLog {
  readonly #write: (message: string, fields: Record<string, unknown>) => void;
  readonly #nowMs: () => number;
  readonly #kinds = new Map<string, { lastMs: number; held: number }>();

  constructor(
    write: (message: string, fields: Record<string, unknown>) => void,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#write = write;
    this.#nowMs = nowMs;
  }

  say(kind: string, message: string, fields: Record<string, unknown>): void {
    const nowMs = this.#nowMs();
    const known = this.#kinds.get(kind);
    if (known !== undefined && nowMs - known.lastMs < TLS_LOG_MS_MIN) {
      known.held += 1;
      return;
    }
    if (known === undefined && this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
    this.#kinds.set(kind, { lastMs: nowMs, held: 0 });
    this.#write(message, known === undefined || known.held === 0 ? fields : { ...fields, alsoSinceLast: known.held });
  }
}
