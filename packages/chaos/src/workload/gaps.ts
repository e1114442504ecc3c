export interface Gap {
  readonly fromMs: number;
  readonly ms: number;
}

/** How long each shard acknowledged no write, and who waits for one. */
export class Gaps {
  readonly #lastMs: number[];
  readonly #longest: Gap[];
  readonly #waiting = new Map<number, { readonly sinceMs: number; readonly resolve: () => void }[]>();

  #ended = false;

  constructor(shards: number, nowMs: number) {
    this.#lastMs = new Array<number>(shards).fill(nowMs);
    this.#longest = new Array<Gap>(shards).fill({ fromMs: nowMs, ms: 0 });
  }

  get longest(): readonly Gap[] {
    return this.#longest;
  }

  acknowledged(shard: number, beganMs: number, endedMs: number): void {
    this.#close(shard, endedMs);
    const waiting = this.#waiting.get(shard);
    if (waiting === undefined) return;
    this.#waiting.set(
      shard,
      waiting.filter(({ sinceMs, resolve }) => {
        if (beganMs < sinceMs) return true;
        resolve();
        return false;
      }),
    );
  }

  /** The last gaps end here: clients stop, and nothing more is expected. */
  end(nowMs: number): void {
    for (const shard of this.#lastMs.keys()) this.#close(shard, nowMs);
    this.#ended = true;
  }

  #close(shard: number, nowMs: number): void {
    if (this.#ended) return;
    const fromMs = this.#lastMs[shard] as number;
    const longest = this.#longest[shard] as Gap;
    if (nowMs - fromMs > longest.ms) this.#longest[shard] = { fromMs, ms: nowMs - fromMs };
    this.#lastMs[shard] = nowMs;
  }

  /** Resolves when the shard has acknowledged a write that began at or after `sinceMs`. */
  async writeSince(shard: number, sinceMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const waiting = this.#waiting.get(shard);
      const one = { sinceMs, resolve };
      if (waiting === undefined) this.#waiting.set(shard, [one]);
      else waiting.push(one);
    });
  }
}
