import { LOCAL_PASS_MS } from "../base/index.ts";

/** Who waits: told that its turn has come, it runs its command, or finds that it does not want to any more. */
interface Waiting {
  onPassEnd(): void;
}

/**
 * Commands that connections answer themselves and that may cost much (INFO, COMMAND, CLIENT LIST, ...) have so much of a
 * pass, those of all connections together; beyond it connections take turns, one such command each. A few bytes ask for
 * one, and nothing else runs meanwhile: pipelines of them kept a node from its heartbeats for minutes.
 */
export class LocalTurns {
  readonly #nowMs: () => number;
  readonly #requestPass: () => void;
  /** In the order of their turns. */
  readonly #waiting: Set<Waiting> = new Set();
  #turn: Waiting | undefined;
  /** Of this pass. */
  #usedMs = 0;

  constructor(nowMs: () => number, requestPass: () => void) {
    this.#nowMs = nowMs;
    this.#requestPass = requestPass;
  }

  /** Whether it may run one command now; if not, it has its turn at the end of a pass. */
  take(connection: Waiting): boolean {
    const turn = this.#turn === connection;
    this.#turn = undefined;
    if (turn || (this.#waiting.size === 0 && this.#usedMs < LOCAL_PASS_MS)) return true;
    this.#waiting.add(connection);
    this.#requestPass();
    return false;
  }

  /** Runs the command, for which `take` was asked. */
  time<Result>(run: () => Result): Result {
    const fromMs = this.#nowMs();
    const result = run();
    this.#usedMs += this.#nowMs() - fromMs;
    return result;
  }

  onPassEnd(): void {
    this.#usedMs = 0;
    // Who wants another one is added behind all others.
    for (const connection of this.#waiting) {
      if (this.#usedMs >= LOCAL_PASS_MS) return this.#requestPass();
      this.#waiting.delete(connection);
      this.#turn = connection;
      connection.onPassEnd();
    }
    this.#turn = undefined;
  }
}
