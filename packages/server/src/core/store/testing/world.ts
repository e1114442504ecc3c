import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { latin1, latin1Bytes, ROW_CACHE_BYTES_DEFAULT, type Slot, slot } from "../../base/index.ts";
import type { Engine, Env } from "../../env/index.ts";
import {
  MemoryEngine,
  type MemoryImage,
  openStore,
  type Row,
  RowKind,
  type Store,
  type StoreOptions,
} from "../index.ts";

/** What a node does when its env is told that something is fatal. */
export class Fatal extends Error {
  override readonly name = "Fatal";
  readonly error: Error;

  constructor(error: Error) {
    super(error.message, { cause: error });
    this.error = error;
  }
}

/** An env and a schedule of events for tests of the store, with a node reduced to its pass. */
export class World {
  readonly env: Env;
  nowMs = 0;
  engine: MemoryEngine;
  store: Store | undefined;
  readonly #events: (() => void)[] = [];
  /** Which of `count` waiting events comes next; tests that search for races draw it. */
  readonly #choose: (count: number) => number;
  #passWanted = false;

  constructor(choose: (count: number) => number = () => 0, image?: MemoryImage) {
    this.#choose = choose;
    this.engine = new MemoryEngine(this.schedule, image);
    this.env = this.#makeEnv();
  }

  readonly schedule = (run: () => void): void => {
    this.#events.push(run);
  };

  #makeEnv(): Env {
    return {
      monotonicMs: () => this.nowMs,
      wallMs: () => this.nowMs,
      random32: () => 4,
      checksum: (bytes, seed) => crc32(bytes, seed),
      latin1,
      deflate: (bytes, done) => {
        const compressed = new Uint8Array(deflateRawSync(bytes));
        this.schedule(() => done(compressed));
      },
      inflate: (bytes, bytesMax, done) => {
        const plain = inflateOrUndefined(bytes, bytesMax);
        this.schedule(() => done(plain));
      },
      requestPass: () => {
        if (this.#passWanted) return;
        this.#passWanted = true;
        this.schedule(() => {
          this.#passWanted = false;
          this.store?.pass();
        });
      },
      fatal: (error) => {
        throw new Fatal(error);
      },
      log: () => undefined,
    };
  }

  /** One event. False when none waits. */
  step(): boolean {
    if (this.#events.length === 0) return false;
    const [event] = this.#events.splice(this.#choose(this.#events.length), 1);
    event?.();
    return true;
  }

  /** Until nothing waits any more. */
  settle(): void {
    while (this.step());
  }

  /** Time passes in ticks, and everything that comes of it happens. */
  elapse(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += 50;
      this.store?.tick();
      this.settle();
    }
  }

  /** `engine`: another than the world's own. */
  open(
    cacheBytesMax: number = ROW_CACHE_BYTES_DEFAULT,
    engine: Engine = this.engine,
    options: Partial<StoreOptions> = {},
  ): Store {
    openStore(this.env, engine, { cacheBytesMax, ...options }, (store) => {
      this.store = store;
    });
    this.settle();
    if (this.store === undefined) throw new Error("the store did not open");
    return this.store;
  }

  /** The request's answer, after everything that it takes has happened. */
  get<T>(request: (done: (result: T) => void) => void): T {
    let answer: { readonly value: T } | undefined;
    request((value) => {
      answer = { value };
    });
    this.settle();
    if (answer === undefined) throw new Error("no answer came");
    return (answer as { readonly value: T }).value;
  }

  done(request: (done: () => void) => void): void {
    this.get<undefined>((done) => request(() => done(undefined)));
  }

  /** The power goes; another world begins with what was durable. */
  crash(choose: (count: number) => number = this.#choose): World {
    this.#events.length = 0;
    return new World(choose, this.engine.crash());
  }
}

function inflateOrUndefined(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined {
  try {
    return new Uint8Array(inflateRawSync(bytes, { maxOutputLength: bytesMax }));
  } catch {
    return undefined;
  }
}

const SLOTS_IN_TESTS = 4;
/** Any function of the key does. */
export const slotOf = (key: string): Slot => slot((key.charCodeAt(0) || 0) % SLOTS_IN_TESTS);

export const row = (text: string, version = 1, expiresAtMs = 0): Row => ({
  kind: RowKind.string,
  version,
  expiresAtMs,
  payload: latin1Bytes(text),
});

export const textOf = (found: Row | null | undefined): string | null | undefined =>
  found === null || found === undefined ? found : latin1(found.payload);
