import { assert, ByteReader, ByteWriter, SLOT_COUNT, type Slot, slot as toSlot } from "../base/index.ts";

/** Slots of one row: a flush of random writes then touches rows of half a KiB, not one of 64 KiB or thousands of 4 bytes. */
const SLOTS_PER_ROW = 128;
const PREFIX = "count:";
const EXPIRING = "expiring";

/** Keys in each slot, kept as state: DBSIZE and CLUSTER COUNTKEYSINSLOT never scan. */
export class KeyCounts {
  readonly #counts: Uint32Array = new Uint32Array(SLOT_COUNT);
  readonly #dirty: Set<number> = new Set();
  #total = 0;
  #expiring = 0;
  #expiringDirty = false;

  get total(): number {
    return this.#total;
  }

  /** Keys that have an end, those that have ended and are not removed yet included. */
  get expiring(): number {
    return this.#expiring;
  }

  of(slot: Slot): number {
    return this.#counts[slot] as number;
  }

  change(slot: Slot, by: 1 | -1): void {
    const count = (this.#counts[slot] as number) + by;
    assert(count >= 0, "a slot's key count is not negative");
    this.#counts[slot] = count;
    this.#total += by;
    this.#dirty.add(Math.floor(slot / SLOTS_PER_ROW));
  }

  /** The slot of the key of this number, below `total`, in the order of slots. */
  slotOf(number: number): Slot {
    let left = number;
    for (let at = 0; ; at += 1) {
      assert(at < SLOT_COUNT, "a key's number is below the number of keys");
      left -= this.#counts[at] as number;
      if (left < 0) return toSlot(at);
    }
  }

  clear(): void {
    for (let at = 0; at < SLOT_COUNT; at += 1) {
      if (this.#counts[at] !== 0) this.#dirty.add(Math.floor(at / SLOTS_PER_ROW));
    }
    this.#counts.fill(0);
    this.#total = 0;
    this.#expiring = 0;
    this.#expiringDirty = true;
  }

  changeExpiring(by: 1 | -1): void {
    this.#expiring += by;
    assert(this.#expiring >= 0, "a shard's count of keys that end is not negative");
    this.#expiringDirty = true;
  }

  static readonly rowPrefix: string = PREFIX;

  load(names: readonly string[], row: (name: string) => Uint8Array | undefined): void {
    for (const name of names) {
      const bytes = row(name) as Uint8Array;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const first = Number(name.slice(PREFIX.length)) * SLOTS_PER_ROW;
      for (let i = 0; i < SLOTS_PER_ROW; i += 1) {
        const count = view.getUint32(i * 4, true);
        this.#counts[first + i] = count;
        this.#total += count;
      }
    }
    const expiring = row(EXPIRING);
    if (expiring !== undefined) this.#expiring = new ByteReader(expiring).u64();
  }

  writeChanges(put: (name: string, bytes: Uint8Array) => void): void {
    for (const part of this.#dirty) {
      const bytes = new Uint8Array(SLOTS_PER_ROW * 4);
      const view = new DataView(bytes.buffer);
      for (let i = 0; i < SLOTS_PER_ROW; i += 1) {
        view.setUint32(i * 4, this.#counts[part * SLOTS_PER_ROW + i] as number, true);
      }
      put(PREFIX + part, bytes);
    }
    this.#dirty.clear();
    if (!this.#expiringDirty) return;
    this.#expiringDirty = false;
    const bytes = new ByteWriter(8);
    bytes.u64(this.#expiring);
    put(EXPIRING, bytes.copy());
  }
}
