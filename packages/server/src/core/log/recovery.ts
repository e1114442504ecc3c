import {
  assert,
  type GroupId,
  groupId,
  index,
  LOG_FREE_SEGMENTS_MAX,
  mark,
  replicaId,
  SherdError,
  ShortInput,
  term,
} from "../base/index.ts";
import type { Disk, Env } from "../env/index.ts";
import {
  decodeSegmentHeader,
  FrameKind,
  FrameReader,
  LOG_FORMAT_VERSION,
  RecordKind,
  type RecordReader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "./format.ts";
import type { Place } from "./frames.ts";
import { GroupState } from "./group.ts";
import { type FreeFile, segmentFileNumber } from "./segments.ts";

type FoundSegment = SegmentHeader & { readonly path: string };

export interface Recovery {
  readonly groups: Map<GroupId, GroupState>;
  readonly live: readonly FoundSegment[];
  readonly free: readonly FreeFile[];
  readonly nextFile: number;
  readonly firstLive: number;
  /** Where the next frame goes. */
  readonly place: Place;
  /** There was no log in the directory. */
  readonly created: boolean;
}

/**
 * Reads the log as an earlier process left it. Only one write is ever under way and a write is one frame, so at most the
 * final frame can be torn; it was not acknowledged and is cut. Everything else that does not add up is damage, and
 * damage is refused: guessing would lose acknowledged writes.
 *
 * @throws SherdError SHERD_LOG_DAMAGED, SHERD_DATA_FORMAT, SHERD_DISK_READ_FAILED
 */
export function recover(env: Env, disk: Disk, directory: string, segmentBytes: number): Recovery {
  disk.makeDirectory(directory);
  const files = new SegmentFiles(env, disk, directory);
  const recovered = files.segments.length === 0 ? nothing(files) : new Replay(env, disk, files.segments).run();
  if (files.damagedPath !== undefined) {
    env.log("warn", "the header of a segment file cannot be read; no segment is missing, the file is used anew", {
      file: files.damagedPath,
    });
  }
  const retired = files.segments.filter((segment) => segment.sequence < recovered.firstLive);
  const live: FoundSegment[] = [];
  for (const segment of files.segments.slice(retired.length)) {
    if (segment.sequence === recovered.firstLive + live.length) live.push(segment);
    // Prepared and never written to, and the one before it is gone: its number will be given again.
    else disk.removeFile(segment.path);
  }
  // A killed process may have left in the page cache what a power failure would still take back.
  for (const segment of live) disk.sync(segment.path);
  const free = keepFree(disk, [...files.unused, ...retired], segmentBytes);
  disk.sync(directory);
  return { ...recovered, live, free, nextFile: files.nextFile };
}

function nothing(files: SegmentFiles): Pick<Recovery, "groups" | "firstLive" | "place" | "created"> {
  if (files.damagedPath !== undefined) {
    throw new SherdError("SHERD_LOG_DAMAGED", `${files.damagedPath} at offset 0: the segment header cannot be read.`);
  }
  return {
    groups: new Map(),
    firstLive: 1,
    place: { sequence: 1, position: SEGMENT_HEADER_BYTES, number: 1 },
    created: true,
  };
}

/** Deletes what cannot be used again; a start is the time for that. */
function keepFree(disk: Disk, files: readonly FreeFile[], segmentBytes: number): FreeFile[] {
  const kept: FreeFile[] = [];
  for (const file of files) {
    if (file.bytes === segmentBytes && kept.length < LOG_FREE_SEGMENTS_MAX) {
      disk.sync(file.path);
      kept.push(file);
    } else {
      disk.removeFile(file.path);
    }
  }
  return kept;
}

/** The files of the directory, by their headers. */
class SegmentFiles {
  /** In the order of the log, none twice. */
  readonly segments: FoundSegment[] = [];
  readonly unused: FreeFile[] = [];
  /** A file whose header cannot be read. Harmless if no segment is missing: then its creation was interrupted. */
  damagedPath: string | undefined;
  nextFile = 1;

  constructor(env: Env, disk: Disk, directory: string) {
    const header = new Uint8Array(SEGMENT_HEADER_BYTES);
    for (const name of disk.list(directory)) {
      const number = segmentFileNumber(name);
      const path = `${directory}/${name}`;
      if (number === undefined) {
        env.log("warn", "a file in the log's directory is not the log's; it is left alone", { file: path });
        continue;
      }
      this.nextFile = Math.max(this.nextFile, number + 1);
      this.#classify(path, disk.size(path), header.subarray(0, disk.readInto(path, 0, header)));
    }
    this.segments.sort((left, right) => left.sequence - right.sequence);
    this.segments.forEach((segment, i) => {
      if (segment.sequence === this.segments[i - 1]?.sequence) {
        throw new SherdError(
          "SHERD_LOG_DAMAGED",
          `${segment.path} and ${this.segments[i - 1]?.path} both say that they are segment ${segment.sequence}.`,
        );
      }
    });
  }

  #classify(path: string, bytes: number, header: Uint8Array): void {
    const decoded = decodeSegmentHeader(header);
    if (typeof decoded === "number") {
      throw new SherdError(
        "SHERD_DATA_FORMAT",
        `${path} has format version ${decoded} of the log; this version of sherd reads ${LOG_FORMAT_VERSION}.`,
      );
    }
    if (typeof decoded === "string") {
      if (decoded === "damaged") this.damagedPath = path;
      this.unused.push({ path, bytes });
      return;
    }
    if (bytes < decoded.bytes) {
      throw new SherdError(
        "SHERD_LOG_DAMAGED",
        `${path} at offset ${bytes}: the file ends, ${decoded.bytes} bytes were written.`,
      );
    }
    this.segments.push({ ...decoded, path });
  }
}

/** Rebuilds the groups from the frames of the live segments. */
class Replay {
  readonly #env: Env;
  readonly #disk: Disk;
  readonly #segments: ReadonlyMap<number, FoundSegment>;
  readonly #newest: number;
  readonly #groups = new Map<GroupId, GroupState>();
  /** One buffer for all segments: a fresh one each would cost page faults and a collection. */
  readonly #buffer: Uint8Array;
  #number: number | undefined;

  constructor(env: Env, disk: Disk, segments: readonly FoundSegment[]) {
    this.#env = env;
    this.#disk = disk;
    this.#segments = new Map(segments.map((segment) => [segment.sequence, segment]));
    this.#newest = Math.max(...this.#segments.keys());
    this.#buffer = new Uint8Array(Math.max(...segments.map((segment) => segment.bytes)));
  }

  run(): Pick<Recovery, "groups" | "firstLive" | "place" | "created"> {
    const firstLive = this.#findFirstLive();
    for (let sequence = firstLive; ; sequence += 1) {
      const segment = this.#segments.get(sequence);
      if (segment === undefined) throw this.#missing(sequence);
      const frames = this.#read(segment);
      const { at, ended } = this.#replaySegment(segment, frames);
      if (ended) continue;
      this.#checkTail(segment, frames, at);
      for (const state of this.#groups.values()) clampCommit(state);
      return {
        groups: this.#groups,
        firstLive,
        place: { sequence, position: at, number: this.#number ?? 1 },
        created: false,
      };
    }
  }

  /**
   * Which segments are live is told by the newest frame, so it is found first. A header tells what durable frames had
   * told when it was written: if no frame tells as much, those frames are lost, although they were acknowledged.
   */
  #findFirstLive(): number {
    let firstLive = 1;
    let newestSegment: FoundSegment | undefined;
    for (let sequence = this.#newest; newestSegment === undefined; sequence -= 1) {
      const segment = this.#segments.get(sequence);
      if (segment === undefined) break;
      const frames = this.#read(segment);
      for (let at = SEGMENT_HEADER_BYTES; frames.sound(at); at = frames.next(at)) {
        firstLive = frames.firstLive(at);
        newestSegment = segment;
      }
    }
    for (const segment of this.#segments.values()) {
      if (segment.firstLive <= firstLive) continue;
      throw damage(
        newestSegment ?? segment,
        SEGMENT_HEADER_BYTES,
        `the frame that released the segments before ${segment.firstLive} cannot be read.`,
      );
    }
    return firstLive;
  }

  #replaySegment(segment: FoundSegment, frames: FrameReader): { at: number; ended: boolean } {
    let at = SEGMENT_HEADER_BYTES;
    while (frames.sound(at)) {
      const number = frames.number(at);
      if (this.#number !== undefined && number !== this.#number) {
        throw damage(segment, at, `frame ${number} lies where frame ${this.#number} belongs.`);
      }
      if (frames.kind(at) > FrameKind.end)
        throw damage(segment, at, `a frame has the unknown kind ${frames.kind(at)}.`);
      this.#number = number + 1;
      this.#replayFrame(segment, frames, at);
      const ended = frames.kind(at) === FrameKind.end;
      at = frames.next(at);
      if (ended) return { at, ended: true };
    }
    return { at, ended: false };
  }

  #replayFrame(segment: FoundSegment, frames: FrameReader, at: number): void {
    const records = frames.records(at);
    try {
      while (records.next()) {
        if (!this.#apply(records, segment.sequence)) {
          throw damage(segment, at, `a record of group ${records.group} does not follow from those before it.`);
        }
      }
    } catch (error) {
      if (error instanceof ShortInput) throw damage(segment, at, "a record passes the end of its frame.");
      throw error;
    }
  }

  /** The same steps as at run time, see `NodeLog`. */
  #apply(record: RecordReader, sequence: number): boolean {
    const id = groupId(record.group);
    if (record.kind === RecordKind.remove) {
      this.#groups.delete(id);
      return true;
    }
    if (record.kind !== RecordKind.append && record.kind !== RecordKind.image) return false;
    const previous = { index: record.previousIndex, term: record.previousTerm };
    let state = this.#groups.get(id);
    if (state === undefined) {
      state = new GroupState(id, previous);
      this.#groups.set(id, state);
    } else if (record.kind === RecordKind.image || previous.index < state.truncatedIndex) {
      // An append may reach back before what is left of the group when the segments before are gone: it replaced
      // entries of theirs, and what it put there is complete.
      state.restart(previous);
    } else if (previous.index > state.last) {
      return false;
    } else {
      if (previous.index < state.last) mark("log: conflicting suffix replayed");
      state.truncateAfter(previous.index);
    }
    state.hardState = { term: term(record.term), vote: replicaId(record.vote), commit: index(record.commit) };
    state.newestSequence = sequence;
    while (record.nextEntry()) {
      if (record.entryIndex !== state.last + 1) return false;
      state.push(record.entryIndex, record.entryTerm, sequence, record.entryAt, record.entryBytes);
    }
    return true;
  }

  /** The log ends at `at`. That is a torn write or the clean end only if nothing of the log lies behind. */
  #checkTail(segment: FoundSegment, frames: FrameReader, at: number): void {
    const behind = frames.find(at);
    if (behind !== undefined) {
      throw damage(segment, at, `a frame cannot be read, but the one at offset ${behind} behind it is whole.`);
    }
    if (frames.begun(at)) {
      mark("log: torn final frame cut");
      this.#env.log("warn", "the log's last write was torn by the end of the process before; it is cut", {
        file: segment.path,
        offset: at,
      });
    }
    // Reading reuses the buffer that `frames` looks at: nothing may look at it from here on.
    for (const next of this.#segments.values()) {
      if (next.sequence > segment.sequence && this.#read(next).sound(SEGMENT_HEADER_BYTES)) {
        throw damage(
          segment,
          at,
          `a frame cannot be read, but segment ${next.sequence} (${next.path}) goes on behind it.`,
        );
      }
    }
  }

  #read(segment: FoundSegment): FrameReader {
    const target = this.#buffer.subarray(0, segment.bytes);
    const length = this.#disk.readInto(segment.path, 0, target);
    assert(length === segment.bytes, "a segment file does not shrink while it is read");
    return new FrameReader(target, segment, this.#env);
  }

  #missing(sequence: number): SherdError {
    const before = this.#segments.get(sequence - 1)?.path ?? "the newest frame";
    return new SherdError(
      "SHERD_LOG_DAMAGED",
      `Segment ${sequence} of the log is missing, or its header cannot be read; ${before} says that it is needed.`,
    );
  }
}

/** A frame that was torn off may have held the entries that the hard state before it already calls committed. */
function clampCommit(state: GroupState): void {
  if (state.hardState.commit <= state.last) return;
  mark("recovery: commit beyond the log's end");
  state.hardState = { ...state.hardState, commit: index(state.last) };
}

function damage(segment: FoundSegment, offset: number, what: string): SherdError {
  return new SherdError("SHERD_LOG_DAMAGED", `${segment.path} at offset ${offset}: ${what}`);
}
