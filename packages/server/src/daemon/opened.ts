/** What has been opened so far, to be closed in reverse order: when a node ends, and when its start fails half way. */
export class Opened {
  readonly #closers: (() => Promise<void> | void)[] = [];

  /** `close` is called once, after what is added later has closed. */
  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  /** Closes everything, also behind a part that fails to close; then throws the first such failure. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
