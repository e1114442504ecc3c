import { assert, mark } from "../base/index.ts";
import type { Disk, DiskFile, Env } from "../env/index.ts";
import { encodeSegmentHeader, type SegmentHeader } from "./format.ts";

/** One use of one file. */
export interface Segment extends SegmentHeader {
  readonly path: string;
  readonly file: DiskFile;
}

/** A file that holds nothing that is needed. */
export interface FreeFile {
  readonly path: string;
  readonly bytes: number;
}

const segmentPath = (directory: string, file: number): string =>
  `${directory}/${String(file).padStart(8, "0")}.segment`;

const SEGMENT_NAME = /^(\d{8})\.segment$/;

export function segmentFileNumber(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The segments in use and the files that wait for a use. Files are made and zero-filled ahead of time and never renamed
 * or deleted while the node serves: a file's header says which segment it is.
 */
export class Segments {
  readonly #env: Env;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #bytes: number;
  readonly #live = new Map<number, Segment>();
  readonly #free: FreeFile[];
  readonly #files = new Map<string, DiskFile>();
  readonly #onPrepared: () => void;
  #nextFile: number;
  #nextSequence: number;
  #firstLive: number;
  #preparing = false;

  constructor(options: {
    readonly env: Env;
    readonly disk: Disk;
    readonly directory: string;
    readonly bytes: number;
    readonly live: readonly (SegmentHeader & { readonly path: string })[];
    readonly free: readonly FreeFile[];
    readonly nextFile: number;
    readonly firstLive: number;
    readonly onPrepared: () => void;
  }) {
    this.#env = options.env;
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#bytes = options.bytes;
    this.#free = [...options.free];
    this.#nextFile = options.nextFile;
    this.#firstLive = options.firstLive;
    this.#onPrepared = options.onPrepared;
    this.#nextSequence = options.firstLive;
    for (const segment of options.live) {
      this.#live.set(segment.sequence, { ...segment, file: this.#open(segment.path) });
      this.#nextSequence = Math.max(this.#nextSequence, segment.sequence + 1);
    }
  }

  get(sequence: number): Segment | undefined {
    return this.#live.get(sequence);
  }

  /** Bytes of the segment; of one that does not exist yet, what it will have. */
  bytesOf(sequence: number): number {
    return this.#live.get(sequence)?.bytes ?? this.#bytes;
  }

  /** A file is being made or given its header. */
  get busy(): boolean {
    return this.#preparing;
  }

  /** In the background: makes the segments up to `sequence` exist, one after the other. */
  prepare(sequence: number): void {
    if (this.#preparing || this.#nextSequence > sequence) return;
    this.#preparing = true;
    const next = (path: string): void => this.#begin(this.#nextSequence, path);
    const free = this.#free.pop();
    if (free !== undefined) {
      mark("log: segment file used again");
      next(free.path);
      return;
    }
    const path = segmentPath(this.#directory, this.#nextFile);
    this.#nextFile += 1;
    this.#disk.createZeroed(path, this.#bytes, () => next(path));
  }

  /** A durable frame says that segments before this one are not needed any more: their files may be used again. */
  release(firstLive: number): void {
    for (; this.#firstLive < firstLive; this.#firstLive += 1) {
      const segment = this.#live.get(this.#firstLive);
      assert(segment !== undefined, "segments are released once each, in order");
      this.#live.delete(segment.sequence);
      if (segment.bytes === this.#bytes) this.#free.push({ path: segment.path, bytes: segment.bytes });
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  /** The header is durable before the segment is given to anyone: a frame is never ahead of its header. */
  #begin(sequence: number, path: string): void {
    const header: SegmentHeader = {
      sequence,
      epochLow: (this.#env.random32() | 1) >>> 0,
      epochHigh: this.#env.random32() >>> 0,
      bytes: this.#bytes,
      firstLive: this.#firstLive,
    };
    const file = this.#open(path);
    file.write(0, [encodeSegmentHeader(header)], () => {
      this.#live.set(sequence, { ...header, path, file });
      this.#nextSequence = sequence + 1;
      this.#preparing = false;
      this.#onPrepared();
    });
  }

  #open(path: string): DiskFile {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#disk.open(path);
      this.#files.set(path, file);
    }
    return file;
  }
}
