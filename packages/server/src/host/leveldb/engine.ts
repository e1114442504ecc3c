import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { assert, type ErrorCode, SherdError } from "../../core/base/index.ts";
import type { Engine, EngineBatch, EngineSnapshot, Env, RangeOptions, RangeResult } from "../../core/env/index.ts";
import { Jobs } from "./jobs.ts";

type Level = ClassicLevel<Uint8Array, Uint8Array>;
type LevelSnapshot = ReturnType<Level["snapshot"]>;

export interface LevelEngineOptions {
  /** Directory of the database; made when it is not there. */
  readonly path: string;
  /** Blocks of tables that LevelDB keeps in memory. Default 32 MiB. */
  readonly blockCacheBytes?: number;
  /** LevelDB's own memtable. Two of them may exist at once; larger ones make fewer and larger tables. Default 16 MiB. */
  readonly writeBufferBytes?: number;
}

const MIB = 1 << 20;
const BLOCK_CACHE_BYTES_DEFAULT = 32 * MIB;
const WRITE_BUFFER_BYTES_DEFAULT = 16 * MIB;
/** Fewer files to open, and as much written by compactions as with LevelDB's 2 MiB. */
const TABLE_BYTES = 8 * MIB;
/**
 * Open tables are mapped: what is read of them is page cache that the kernel takes back when it wants, though it counts as
 * the process's memory. With fewer open tables than there are, most reads of a random key open one.
 */
const OPEN_FILES_MAX = 256;
/** What libuv takes when nobody says otherwise. */
const UV_POOL_THREADS_DEFAULT = 4;
const UINT31_MAX = 0x7fff_ffff;

/**
 * Opens (or makes) the database. Rejects with SHERD_DATA_IN_USE when another process has it open, SHERD_STORE_DAMAGED
 * when LevelDB cannot make sense of it, SHERD_ENGINE_FAILED or SHERD_DISK_FULL otherwise.
 */
export async function openLevelEngine(env: Env, options: LevelEngineOptions): Promise<Engine> {
  const db: Level = new ClassicLevel(options.path, { keyEncoding: "view", valueEncoding: "view" });
  try {
    await db.open({
      // Reading a block that is compressed costs up to three times the CPU, and one flipped bit loses all of its rows.
      compression: false,
      cacheSize: options.blockCacheBytes ?? BLOCK_CACHE_BYTES_DEFAULT,
      writeBufferSize: options.writeBufferBytes ?? WRITE_BUFFER_BYTES_DEFAULT,
      maxFileSize: TABLE_BYTES,
      maxOpenFiles: OPEN_FILES_MAX,
    });
  } catch (error) {
    throw coded(error, `Opening ${options.path}`);
  }
  return new LevelEngine(env, db, options.path);
}

class LevelEngine implements Engine {
  readonly #env: Env;
  readonly #db: Level;
  readonly #path: string;
  readonly #reads: Jobs = new Jobs(readsMax());
  readonly #writes: Jobs = new Jobs(1);
  #writing = false;

  constructor(env: Env, db: Level, path: string) {
    this.#env = env;
    this.#db = db;
    this.#path = path;
  }

  getMany(keys: readonly Uint8Array[], done: (values: (Uint8Array | null | undefined)[]) => void): void {
    this.#run(this.#reads, "Reading rows", () => this.#getMany(keys), done);
  }

  async #getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | null | undefined)[]> {
    try {
      return await this.#db.getMany(keys as Uint8Array[]);
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    // One damaged block fails the whole read: find out which rows it concerns.
    const values: (Uint8Array | null | undefined)[] = [];
    for (const key of keys) values.push(await this.#getOrNull(key));
    return values;
  }

  async #getOrNull(key: Uint8Array): Promise<Uint8Array | null | undefined> {
    try {
      return await this.#db.get(key);
    } catch (error) {
      if (isDamage(error)) return null;
      throw error;
    }
  }

  range(options: RangeOptions, done: (result: RangeResult) => void): void {
    const bounds = copyBounds(options);
    this.#run(this.#reads, "Reading a range", () => readRange(this.#db, bounds), done);
  }

  batch(): EngineBatch {
    return new LevelBatch(this.#db, (write, done) => {
      assert(!this.#writing, "one batch is written at a time");
      this.#writing = true;
      this.#run(this.#writes, "Writing a batch", write, () => {
        this.#writing = false;
        done();
      });
    });
  }

  snapshot(): EngineSnapshot {
    const snapshot = this.#db.snapshot();
    const read = (options: RangeOptions): (() => Promise<RangeResult>) => {
      const bounds = copyBounds(options);
      return () => readRange(this.#db, bounds, snapshot);
    };
    // A read is more than one call to LevelDB, and one that finds the snapshot closed fails: so closing waits.
    let reads = 0;
    let closed = false;
    const release = (): void =>
      this.#run(
        this.#reads,
        "Closing a snapshot",
        () => snapshot.close(),
        () => undefined,
      );
    return {
      range: (options, done) => {
        assert(!closed, "a closed snapshot is not read");
        reads += 1;
        this.#run(this.#reads, "Reading a snapshot", read(options), (result) => {
          reads -= 1;
          if (closed && reads === 0) release();
          done(result);
        });
      },
      close: () => {
        closed = true;
        if (reads === 0) release();
      },
    };
  }

  sizeBytes(done: (bytes: number) => void): void {
    this.#run(this.#reads, "Measuring", () => directoryBytes(this.#path), done);
  }

  close(done: () => void): void {
    const close = async (): Promise<void> => {
      await Promise.all([this.#reads.idle(), this.#writes.idle()]);
      await this.#db.close();
    };
    this.#run(new Jobs(1), "Closing", close, done);
  }

  /** A job that fails, or a completion that throws, ends the node. */
  #run<T>(jobs: Jobs, what: string, work: () => Promise<T>, done: (result: T) => void): void {
    jobs.add(async () => {
      let result: T;
      try {
        result = await work();
      } catch (error) {
        this.#env.fatal(coded(error, `${what} in ${this.#path}`));
      }
      try {
        done(result);
      } catch (error) {
        this.#env.fatal(error as Error);
      }
    });
  }
}

/** Bytes go straight to LevelDB's batch: what `put` and `del` add costs more than twice as much as the rest of it. */
interface DirectBatch {
  _put(key: Uint8Array, value: Uint8Array): void;
  _del(key: Uint8Array): void;
}

class LevelBatch implements EngineBatch {
  readonly #batch: ReturnType<Level["batch"]>;
  readonly #direct: DirectBatch;
  readonly #write: (write: () => Promise<void>, done: () => void) => void;
  rows = 0;

  constructor(db: Level, write: (write: () => Promise<void>, done: () => void) => void) {
    this.#batch = db.batch();
    this.#direct = this.#batch as unknown as DirectBatch;
    this.#write = write;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    // The batch counts what comes through its front door, and an empty one is not written.
    if (this.rows === 0) this.#batch.put(key, value);
    else this.#direct._put(key, value);
    this.rows += 1;
  }

  delete(key: Uint8Array): void {
    if (this.rows === 0) this.#batch.del(key);
    else this.#direct._del(key);
    this.rows += 1;
  }

  write(done: () => void): void {
    this.#write(() => this.#batch.write({ sync: true }), done);
  }
}

/** Half of libuv's pool is for others: the log's writes wait for nothing of ours. */
function readsMax(): number {
  const threads = Number(process.env["UV_THREADPOOL_SIZE"]) || UV_POOL_THREADS_DEFAULT;
  return Math.max(1, Math.floor(threads / 2) - 1);
}

interface Bounds {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly values: boolean;
}

const copyBounds = ({ from, to, rowsMax, bytesMax, values }: RangeOptions): Bounds => ({
  gte: from.slice(),
  lt: to.slice(),
  rowsMax,
  bytesMax,
  values,
});

async function readRange(db: Level, bounds: Bounds, snapshot?: LevelSnapshot): Promise<RangeResult> {
  const { gte, lt, rowsMax, bytesMax, values } = bounds;
  const common = { fillCache: false, ...(snapshot === undefined ? {} : { snapshot }) };
  try {
    // One row more than asked for says whether there is more. LevelDB steps over damaged blocks and tells only when its
    // iterator reaches an end: so `limit`, and not the size of the read, ends it.
    const found = await readAll(
      db.iterator({
        gte,
        lt,
        values,
        limit: rowsMax + 1,
        highWaterMarkBytes: Math.min(bytesMax - 1, UINT31_MAX),
        ...common,
      }),
      rowsMax + 2,
    );
    let bytes = 0;
    const rows = found.map(([key, value]): readonly [Uint8Array, Uint8Array] => {
      bytes += key.length + (values ? value.length : 0);
      return [plain(key), values ? plain(value) : NOTHING];
    });
    if (rows.length > rowsMax) return { rows: rows.slice(0, rowsMax), complete: false, damaged: false };
    if (bytes < bytesMax) return { rows, complete: true, damaged: false };
    // Ended by its bytes: walk the same rows once more, taking nothing along, to hear of damage between them.
    const last = rows.at(-1) as readonly [Uint8Array, Uint8Array];
    await readAll(db.iterator({ gte, lte: last[0], keys: false, values: false, ...common }), 1);
    return { rows, complete: false, damaged: false };
  } catch (error) {
    if (isDamage(error)) return { rows: [], complete: true, damaged: true };
    throw error;
  }
}

async function readAll(
  iterator: ReturnType<Level["iterator"]>,
  rows: number,
): Promise<[key: Uint8Array, value: Uint8Array][]> {
  try {
    return (await iterator.nextv(rows)) as [Uint8Array, Uint8Array][];
  } finally {
    await iterator.close();
  }
}

const NOTHING = new Uint8Array(0);

/** Buffers are a subclass; plain arrays keep the code that reads them monomorphic. */
const plain = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

async function directoryBytes(path: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(path)) {
    // LevelDB deletes tables at any time.
    const found = await stat(join(path, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    bytes += found?.size ?? 0;
  }
  return bytes;
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;

const isDamage = (error: unknown): boolean => codeOf(error) === "LEVEL_CORRUPTION";

/** LevelDB's error with our code. Opening wraps the reason in an error of its own. */
function coded(error: unknown, doing: string): SherdError {
  const cause = codeOf(error) === "LEVEL_DATABASE_NOT_OPEN" ? ((error as Error).cause ?? error) : error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new SherdError(errorCode(cause, message), `${doing}: ${message}.`, { cause });
}

function errorCode(cause: unknown, message: string): ErrorCode {
  if (codeOf(cause) === "LEVEL_LOCKED") return "SHERD_DATA_IN_USE";
  if (codeOf(cause) === "LEVEL_CORRUPTION" || message.includes("No such file")) return "SHERD_STORE_DAMAGED";
  if (codeOf(cause) === "ENOSPC" || message.includes("No space left")) return "SHERD_DISK_FULL";
  return "SHERD_ENGINE_FAILED";
}
