import { SECTOR_BYTES, type SimFile } from "./file.ts";

export interface WritePlace {
  readonly path: string;
  readonly position: number;
}

/** A write that the device put somewhere else, and told that all was well. Can be taken back. */
export class Misdirection {
  readonly #file: SimFile;
  readonly #position: number;
  readonly #bytes: Uint8Array;
  readonly #target: SimFile;
  readonly #at: number;
  readonly #overwritten: Uint8Array;

  /** `where`: a random number. Whole sectors, as far as the target has room. */
  constructor(place: WritePlace, file: SimFile, bytes: Uint8Array, target: SimFile, where: number) {
    this.#file = file;
    this.#position = place.position;
    this.#bytes = bytes;
    this.#target = target;
    const sectors = Math.max(1, Math.floor(target.bytes.length / SECTOR_BYTES));
    this.#at = (where % sectors) * SECTOR_BYTES;
    const fitting = bytes.subarray(0, target.bytes.length - this.#at);
    this.#overwritten = target.bytes.slice(this.#at, this.#at + fitting.length);
    target.bytes.set(fitting, this.#at);
  }

  /** Both places as if the write had gone where it belongs. */
  withdraw(): void {
    this.#target.bytes.set(this.#overwritten, this.#at);
    this.#file.writeDurably(this.#position, this.#bytes);
  }
}
