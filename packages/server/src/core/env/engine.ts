/**
 * The replaceable store of one node: sorted bytes. Small on purpose: a new engine is one file that passes
 * `store/testing/conformance.ts`.
 *
 * Every failure ends the node through `Env.fatal`; completions mean success and are never delivered inside the call.
 * Damage is the exception: what an engine finds unreadable is reported for the rows concerned, because other replicas
 * of the node live in the same engine and must go on.
 *
 * A read shows one state of the engine, as it was at some moment between the call and its completion. Byte arrays
 * handed out belong to the receiver and never change. Those put into a batch are copied before the call returns; keys
 * and bounds of a read must not change until it has answered.
 */
export interface Engine {
  /** Values in the order of the keys; undefined where there is none, null where the engine found the bytes damaged. */
  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | null | undefined)[]) => void): void;
  range(options: RangeOptions, done: (result: RangeResult) => void): void;
  batch(): EngineBatch;
  /** What the engine held when this was called, whatever is written later. */
  snapshot(): EngineSnapshot;
  /** Bytes on disk, roughly. */
  sizeBytes(done: (bytes: number) => void): void;
  /** Waits for what is under way. Snapshots are closed with it. */
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
  /** False: keys alone, every value is empty. */
  readonly values: boolean;
}

export interface RangeResult {
  readonly rows: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
  /** False when the limits ended the range early: continue behind the last key. */
  readonly complete: boolean;
  /** The engine found bytes of this range unreadable: rows are missing. */
  readonly damaged: boolean;
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
