import { type GroupId, latin1Bytes } from "sherd/core/base";
import type { RowChange } from "../node/index.ts";
import { Violation } from "../world/index.ts";

interface Version {
  readonly index: number;
  readonly row: RowChange["row"];
}

/** docs/formats/store.md: classes of rows, and the fate of a space that serves. */
const PRIMARY = 0x01;
const SYSTEM = 0x40;
const APPLIED = 0x41;
const ENDING = 0x42;
const SPACE = 0x52;
const LIVE = 1;
const PREFIX_BYTES = 7;
const CRC_BYTES = 4;
const HEADER_BYTES = 10;
const EXPIRES = 0x01;
/** System rows that say how many keys each slot of some has: u32 each. */
const COUNTS = /^count:(\d+)$/;

interface FoundSpace {
  group: GroupId | undefined;
  applied: number | undefined;
  readonly rows: Map<string, FoundRow>;
  /** By slot, where there are any. */
  readonly counts: Map<number, number>;
  /** What the index of keys that end says: when, and the name of which row. */
  readonly endings: Set<string>;
}

interface FoundRow {
  readonly slot: number;
  readonly version: number;
  readonly payload: Uint8Array;
  readonly expires: boolean;
  readonly expiresAtMs: number;
}

const endingOf = (expiresAtMs: number, name: string): string => `${expiresAtMs} ${name}`;

/**
 * The applied index is atomic with its data: the rows that a crash leaves in an engine are exactly those that the entries
 * up to the applied index beside them make; so are the counts of keys and the index of endings. Reads the bytes on its
 * own, by the format's description.
 */
export class AppliedRows {
  readonly #checksum: (bytes: Uint8Array) => number;
  /** By group and key: what each entry made of it, in the order of the entries. */
  readonly #versions: Map<GroupId, Map<string, Version[]>> = new Map();
  readonly #highest: Map<GroupId, number> = new Map();
  /** Indexes of entries that removed all keys. */
  readonly #flushes: Map<GroupId, number[]> = new Map();

  constructor(checksum: (bytes: Uint8Array) => number) {
    this.#checksum = checksum;
  }

  /** Of an entry that some replica applied; later ones do the same, which others check. */
  applied(group: GroupId, index: number, changes: readonly RowChange[]): void {
    if (index <= (this.#highest.get(group) ?? 0)) return;
    this.#highest.set(group, index);
    let keys = this.#versions.get(group);
    if (keys === undefined) {
      keys = new Map();
      this.#versions.set(group, keys);
    }
    for (const { slot, key, row } of changes) {
      const name = `${slot} ${key}`;
      const versions = keys.get(name);
      if (versions === undefined) keys.set(name, [{ index, row }]);
      else versions.push({ index, row });
    }
  }

  flushed(group: GroupId, index: number): void {
    const flushes = this.#flushes.get(group);
    if (flushes === undefined) this.#flushes.set(group, [index]);
    else flushes.push(index);
  }

  check(node: string, image: ReadonlyMap<string, Uint8Array>): void {
    const groups = new Set<GroupId>();
    for (const space of readSpaces(image).values()) {
      const { group, applied, rows } = space;
      if (group === undefined) continue;
      if (groups.has(group)) throw broken(`${node}: two generations of group ${group} serve`);
      groups.add(group);
      if (applied === undefined) throw broken(`${node}: group ${group} has rows without an applied index`);
      const where = `${node}: group ${group}, applied ${applied}`;
      checkDerived(where, space);
      const flushed = this.#flushes.get(group)?.findLast((index) => index <= applied) ?? 0;
      for (const [name, versions] of this.#versions.get(group) ?? []) {
        const last = versions.findLast(({ index }) => index <= applied);
        const expected = last === undefined || last.index < flushed ? undefined : last.row;
        const found = rows.get(name);
        rows.delete(name);
        // Whether it was written before or behind the flush of its entry is not looked at.
        if (last?.index === flushed) continue;
        // What expires goes when log time says so, which no command does.
        if (expected !== undefined && expected.expiresAtMs !== 0) continue;
        if (expected === undefined ? found === undefined || found.expires : found?.version === expected.version) {
          if (found === undefined || expected === undefined) continue;
          if (this.#checksum(found.payload) === expected.checksum) continue;
        }
        throw broken(`${where}: key ${name} is ${said(found)}, but should be ${said(expected)}`);
      }
      for (const [name, found] of rows) throw broken(`${where}: key ${name} is ${said(found)}, but nobody wrote it`);
    }
  }
}

/** What is kept beside the rows so that nobody has to look through them says what they say. */
function checkDerived(where: string, { rows, counts, endings }: FoundSpace): void {
  const counted = new Map<number, number>();
  let ending = 0;
  for (const [name, { slot, expires, expiresAtMs }] of rows) {
    counted.set(slot, (counted.get(slot) ?? 0) + 1);
    if (!expires) continue;
    ending += 1;
    if (!endings.has(endingOf(expiresAtMs, name))) throw broken(`${where}: key ${name} is not in the index of endings`);
  }
  if (ending < endings.size) throw broken(`${where}: the index of endings has ${endings.size} keys, not ${ending}`);
  for (const slot of new Set([...counted.keys(), ...counts.keys()])) {
    const [kept, found] = [counts.get(slot) ?? 0, counted.get(slot) ?? 0];
    if (kept !== found) throw broken(`${where}: slot ${slot} is said to have ${kept} keys, and has ${found}`);
  }
}

const said = (row: { readonly version: number } | undefined): string =>
  row === undefined ? "missing" : `of version ${row.version}`;
const broken = (detail: string): Violation => new Violation("the applied index is atomic with its data", detail);

/** Those that serve have a group. */
function readSpaces(image: ReadonlyMap<string, Uint8Array>): Map<number, FoundSpace> {
  const spaces = new Map<number, FoundSpace>();
  const spaceAt = (id: number): FoundSpace => {
    const space = spaces.get(id) ?? {
      group: undefined,
      applied: undefined,
      rows: new Map(),
      counts: new Map(),
      endings: new Set(),
    };
    spaces.set(id, space);
    return space;
  };
  for (const [name, value] of image) {
    const key = latin1Bytes(name);
    const keyView = new DataView(key.buffer, key.byteOffset);
    const view = new DataView(value.buffer, value.byteOffset);
    const space = keyView.getUint32(0);
    switch (key[PREFIX_BYTES - 1]) {
      case PRIMARY: {
        const expires = ((value[1] as number) & EXPIRES) !== 0;
        const payload = value.subarray(HEADER_BYTES + (expires ? 8 : 0), value.length - CRC_BYTES);
        const version = Number(view.getBigUint64(2, true));
        const expiresAtMs = expires ? Number(view.getBigUint64(HEADER_BYTES, true)) : 0;
        const slot = keyView.getUint16(4);
        const key_ = `${slot} ${name.slice(PREFIX_BYTES)}`;
        spaceAt(space).rows.set(key_, { slot, version, payload, expires, expiresAtMs });
        break;
      }
      case SYSTEM:
        readCounts(name.slice(PREFIX_BYTES), view, spaceAt(space).counts);
        break;
      case ENDING: {
        const slot = keyView.getUint16(PREFIX_BYTES + 8);
        const ended = `${slot} ${name.slice(PREFIX_BYTES + 10)}`;
        spaceAt(space).endings.add(endingOf(Number(keyView.getBigUint64(PREFIX_BYTES)), ended));
        break;
      }
      case APPLIED:
        spaceAt(space).applied = Number(view.getBigUint64(0, true));
        break;
      case SPACE:
        if (value[0] === LIVE) spaceAt(keyView.getUint32(PREFIX_BYTES)).group = view.getUint32(1, true) as GroupId;
        break;
      default:
    }
  }
  return spaces;
}

function readCounts(name: string, bytes: DataView, counts: Map<number, number>): void {
  const part = COUNTS.exec(name)?.[1];
  if (part === undefined) return;
  const slots = (bytes.byteLength - CRC_BYTES) / 4;
  for (let at = 0; at < slots; at += 1) {
    const count = bytes.getUint32(at * 4, true);
    if (count !== 0) counts.set(Number(part) * slots + at, count);
  }
}
