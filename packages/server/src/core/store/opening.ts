import {
  ByteReader,
  FLUSH_MARKERS_KEPT,
  type Index,
  latin1,
  SherdError,
  type SpaceId,
  spaceId,
} from "../base/index.ts";
import type { Engine, Env, RangeResult } from "../env/index.ts";
import { KEY_PREFIX_BYTES, keyClass, RowClass, type RowCodec, STORE_SPACE, spaceStart, systemStart } from "./layout.ts";
import { Pages } from "./pages.ts";
import { readSpaceRecord, type SpaceRecord, STORE_FORMAT } from "./space-table.ts";
import { markerName } from "./writes.ts";

/** What the engine says about itself when a store is opened on it. */
export interface Found {
  /** False: an empty engine, in which not even the format is written. */
  readonly used: boolean;
  readonly records: SpaceRecord[];
  readonly nextSpace: SpaceId;
  readonly lastMarker: number;
}

const PAGE = { rowsMax: 1_000, bytesMax: 1 << 20, values: true };

/** Reads the store's own rows and judges them. What cannot be trusted ends the node with what to do about it. */
export function readTables(env: Env, engine: Engine, codec: RowCodec, done: (found: Found) => void): void {
  const records: SpaceRecord[] = [];
  const markers = new Map<string, number>();
  let format: number | undefined;
  let nextSpace = spaceId(1);

  const take = (key: Uint8Array, value: Uint8Array): void => {
    const bytes = plainOrFatal(env, codec, key, value, "the store's own rows");
    const name = key.subarray(KEY_PREFIX_BYTES);
    switch (keyClass(key)) {
      case RowClass.format:
        // The first row in order, and judged at once: rows of another format may look like damage.
        format = new ByteReader(bytes).u32();
        if (format !== STORE_FORMAT) {
          env.fatal(new SherdError("SHERD_DATA_FORMAT", `The store has format ${format}, expected ${STORE_FORMAT}.`));
        }
        break;
      case RowClass.nextSpace:
        nextSpace = spaceId(new ByteReader(bytes).u32());
        break;
      case RowClass.space:
        records.push(readSpaceRecord(name, bytes));
        break;
      case RowClass.marker:
        markers.set(latin1(name), new ByteReader(bytes).u64());
        break;
      default:
        env.fatal(new SherdError("SHERD_STORE_DAMAGED", `A row of class ${keyClass(key)} among the store's own rows.`));
    }
  };
  const judge = (): void => {
    if (format === undefined) return refuseForeign(env, engine, records.length + markers.size, done);
    done({ used: true, records, nextSpace, lastMarker: checkMarkers(env, markers) });
  };
  eachRow(env, engine, spaceStart(STORE_SPACE), spaceStart(STORE_SPACE + 1), take, judge);
}

/** Without a format row the engine must be empty. */
function refuseForeign(env: Env, engine: Engine, ownRows: number, done: (found: Found) => void): void {
  const everything = { ...PAGE, from: new Uint8Array(0), to: spaceStart(0xffff_ffff), rowsMax: 1 };
  engine.range(everything, ({ rows, damaged }) => {
    if (rows.length > 0 || damaged || ownRows > 0) {
      env.fatal(new SherdError("SHERD_STORE_DAMAGED", "The store holds rows, but not the one that names its format."));
    }
    done({ used: false, records: [], nextSpace: spaceId(1), lastMarker: 0 });
  });
}

/** The markers of the last FLUSH_MARKERS_KEPT batches, one behind the other. Returns the last one's number. */
function checkMarkers(env: Env, markers: ReadonlyMap<string, number>): number {
  let last = 0;
  for (const number of markers.values()) last = Math.max(last, number);
  for (let number = last; number > Math.max(0, last - FLUSH_MARKERS_KEPT); number -= 1) {
    if (markers.get(markerName(number)) === number) continue;
    env.fatal(new SherdError("SHERD_STORE_DAMAGED", `Batch ${number} is missing although batch ${last} is there.`));
  }
  return last;
}

/** The system rows of one space and its applied index. */
export function readSystemRows(
  env: Env,
  engine: Engine,
  codec: RowCodec,
  record: SpaceRecord,
  take: (name: string, bytes: Uint8Array) => void,
  done: (applied: Index) => void,
): void {
  const { space, group } = record;
  let applied: Index | undefined;
  const takeRow = (key: Uint8Array, value: Uint8Array): void => {
    const bytes = plainOrFatal(env, codec, key, value, `the system rows of group ${group} (space ${space})`);
    if (keyClass(key) === RowClass.applied) applied = new ByteReader(bytes).u64() as Index;
    else take(latin1(key.subarray(KEY_PREFIX_BYTES)), bytes);
  };
  eachRow(env, engine, systemStart(space, RowClass.system), systemStart(space, RowClass.applied + 1), takeRow, () => {
    if (applied !== undefined) return done(applied);
    env.fatal(new SherdError("SHERD_STORE_DAMAGED", `Group ${group} has no applied index (space ${space}).`));
  });
}

function plainOrFatal(env: Env, codec: RowCodec, key: Uint8Array, value: Uint8Array, where: string): Uint8Array {
  const bytes = codec.readPlain(key, value);
  if (bytes !== undefined) return bytes;
  env.fatal(new SherdError("SHERD_STORE_DAMAGED", `A row among ${where} has a wrong checksum.`));
}

function eachRow(
  env: Env,
  engine: Engine,
  from: Uint8Array,
  to: Uint8Array,
  take: (key: Uint8Array, value: Uint8Array) => void,
  done: () => void,
): void {
  const pages = new Pages(engine, { ...PAGE, from, to });
  const turn = ({ rows, complete, damaged }: RangeResult): void => {
    if (damaged) env.fatal(new SherdError("SHERD_STORE_DAMAGED", "The engine cannot read the rows of a system range."));
    for (const [key, value] of rows) take(key, value);
    if (complete) done();
    else pages.next(turn);
  };
  pages.next(turn);
}
