import { assert } from "../base/index.ts";

/** Entries per chunk: 4 KiB, so that thousands of idle groups stay cheap and a busy one never copies megabytes. */
const CHUNK_ENTRIES = 512;
const FIELDS = 2;

/**
 * Where each retained entry of one group lies: 8 bytes an entry (offset in its segment, bytes), and the segments run by
 * run. Later entries of a group lie in the same or a later segment, because whatever replaces an entry is written later.
 */
export class EntryPlaces {
  #chunks: Uint32Array[] = [];
  /** Index of the entry in the first field of the first chunk. */
  #base = 0;
  #first = 0;
  #end = 0;
  #runs: { first: number; readonly sequence: number }[] = [];

  /** Forgets all; the next entry will be `index`. */
  clear(index: number): void {
    this.#chunks = [];
    this.#runs = [];
    this.#base = index;
    this.#first = index;
    this.#end = index;
  }

  push(sequence: number, offset: number, bytes: number): void {
    const slot = this.#end - this.#base;
    const chunkNumber = Math.floor(slot / CHUNK_ENTRIES);
    let chunk = this.#chunks[chunkNumber];
    if (chunk === undefined) {
      chunk = new Uint32Array(CHUNK_ENTRIES * FIELDS);
      this.#chunks.push(chunk);
    }
    const field = (slot % CHUNK_ENTRIES) * FIELDS;
    chunk[field] = offset;
    chunk[field + 1] = bytes;
    const run = this.#runs.at(-1);
    if (run === undefined || run.sequence !== sequence) {
      assert(run === undefined || run.sequence < sequence, "a group's entries lie in ascending segments");
      this.#runs.push({ first: this.#end, sequence });
    }
    this.#end += 1;
  }

  /** Keeps the entries up to `index`. */
  truncateAfter(index: number): void {
    if (index + 1 >= this.#end) return;
    this.#end = Math.max(index + 1, this.#first);
    const chunks = Math.ceil((this.#end - this.#base) / CHUNK_ENTRIES);
    this.#chunks.length = chunks;
    while ((this.#runs.at(-1)?.first ?? -1) >= this.#end) this.#runs.pop();
  }

  /** Forgets the entries up to `index`. */
  dropThrough(index: number): void {
    if (index < this.#first) return;
    this.#first = Math.min(index + 1, this.#end);
    const wholeChunks = Math.floor((this.#first - this.#base) / CHUNK_ENTRIES);
    if (wholeChunks > 0) {
      this.#chunks.splice(0, wholeChunks);
      this.#base += wholeChunks * CHUNK_ENTRIES;
    }
    while (this.#runs.length > 1 && (this.#runs[1]?.first ?? 0) <= this.#first) this.#runs.shift();
    if (this.#first === this.#end) this.#runs = [];
    else if (this.#runs[0] !== undefined) this.#runs[0].first = Math.max(this.#runs[0].first, this.#first);
  }

  offset(index: number): number {
    return this.#field(index, 0);
  }

  bytes(index: number): number {
    return this.#field(index, 1);
  }

  sequence(index: number): number {
    assert(index >= this.#first && index < this.#end, "the place of a retained entry is known");
    for (let i = this.#runs.length - 1; i >= 0; i -= 1) {
      const run = this.#runs[i];
      if (run !== undefined && run.first <= index) return run.sequence;
    }
    return 0;
  }

  /** The first entry that lies in this segment or a later one; the end when there is none. */
  firstIn(sequence: number): number {
    for (const run of this.#runs) if (run.sequence >= sequence) return run.first;
    return this.#end;
  }

  #field(index: number, field: number): number {
    assert(index >= this.#first && index < this.#end, "the place of a retained entry is known");
    const slot = index - this.#base;
    const chunk = this.#chunks[Math.floor(slot / CHUNK_ENTRIES)];
    return chunk?.[(slot % CHUNK_ENTRIES) * FIELDS + field] ?? 0;
  }
}
