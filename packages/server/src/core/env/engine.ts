/**
 * The replaceable store of one node: sorted bytes. Small on purpose: a new engine is one file that passes
 * `store/testing/conformance.ts`.
 *
 * Every failure ends the node through `Env.fatal`; completions mean success and are never delivered inside the call.
 */
export interface Engine {
  /** Values in the order of the keys; undefined where there is none. */
  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | undefined)[]) => void): void;
  range(options: RangeOptions, done: (result: RangeResult) => void): void;
  batch(): EngineBatch;
  /** What the engine held when this was called, whatever is written later. */
  snapshot(): EngineSnapshot;
  /** Bytes on disk, roughly. */
  sizeBytes(done: (bytes: number) => void): void;
  close(done: () => void): void;
}

export interface RangeOptions {
  /** First key, inclusive. */
  readonly from: Uint8Array;
  /** End, exclusive. */
  readonly to: Uint8Array;
  readonly rowsMax: number;
  /** Ends the range early, after the row that passes it. */
  readonly bytesMax: number;
}

export interface RangeResult {
  readonly rows: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  /** False when the limits ended the range early: continue behind the last key. */
  readonly complete: boolean;
}

export interface EngineBatch {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  readonly rows: number;
  /** All of it or nothing, and durable (synced), when `done` is called. One batch is written at a time. */
  write(done: () => void): void;
}

export interface EngineSnapshot {
  range(options: RangeOptions, done: (result: RangeResult) => void): void;
  close(): void;
}
