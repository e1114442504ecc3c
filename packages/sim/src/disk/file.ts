import type { SimWorld } from "./disk.ts";

/** What a device writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** One file: what a process sees, and what of it a power failure would take back. */
export class SimFile {
  bytes: Uint8Array;
  /** The name is in a synced directory. */
  nameDurable: boolean;
  /** Sectors seen but not durable, with what the device still holds there. */
  readonly #unsynced = new Map<number, Uint8Array>();
  writing = false;

  constructor(bytes: Uint8Array, nameDurable: boolean) {
    this.bytes = bytes;
    this.nameDurable = nameDurable;
  }

  writeDurably(position: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, position);
    for (const sector of sectors(position, bytes.length)) this.#unsynced.delete(sector);
  }

  /** A write whose process was killed: all of it or the sectors of its beginning are seen, none of it is durable. */
  writeUnsynced(position: number, bytes: Uint8Array, world: SimWorld): void {
    const touched = sectors(position, bytes.length);
    const written = world.random32() % 2 === 0 ? touched.length : world.random32() % (touched.length + 1);
    for (const sector of touched.slice(0, written)) {
      if (!this.#unsynced.has(sector)) this.#unsynced.set(sector, this.#sector(sector).slice());
      this.#writeSector(sector, position, bytes);
    }
  }

  /** A write that a power failure cut short: any of its sectors may have reached the device. */
  writeTorn(position: number, bytes: Uint8Array, world: SimWorld): void {
    for (const sector of sectors(position, bytes.length)) {
      if (world.random32() % 2 === 0) this.#writeSector(sector, position, bytes);
    }
  }

  losePower(world: SimWorld): void {
    for (const [sector, durable] of this.#unsynced) {
      if (world.random32() % 2 === 0) this.#sector(sector).set(durable);
    }
    this.#unsynced.clear();
  }

  sync(): void {
    this.#unsynced.clear();
  }

  #sector(sector: number): Uint8Array {
    return this.bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }

  #writeSector(sector: number, position: number, bytes: Uint8Array): void {
    const from = Math.max(sector * SECTOR_BYTES, position);
    const to = Math.min((sector + 1) * SECTOR_BYTES, position + bytes.length);
    this.bytes.set(bytes.subarray(from - position, to - position), from);
  }
}

function sectors(position: number, length: number): number[] {
  const touched: number[] = [];
  for (let at = Math.floor(position / SECTOR_BYTES); at * SECTOR_BYTES < position + length; at += 1) touched.push(at);
  return touched;
}
