import {
  assert,
  DurationHistogram,
  type GroupId,
  type Index,
  index,
  LOG_CARRY_BYTES_MAX,
  LOG_FRAME_BYTES_MAX,
  LOG_PINNED_BYTES_MAX,
  LOG_RETAINED_BYTES_MAX,
  LOG_SEAL_IDLE_MS,
  LOG_SEGMENT_BYTES,
  LOG_WRITE_HANG_MS,
  LOG_WRITE_SLOW_MS,
  mark,
  SherdError,
  type Term,
  TICK_MS,
} from "../base/index.ts";
import type { Disk, Env } from "../env/index.ts";
import type { Entry, HardState } from "../raft/index.ts";
import {
  ENTRY_HEADER_BYTES,
  entryBytes,
  FrameKind,
  finishFrame,
  RECORD_HEADER_BYTES,
  REMOVE_RECORD_BYTES,
  RecordKind,
  writeEntry,
  writeRecordHeader,
  writeRemove,
} from "./format.ts";
import { type Frame, FrameQueue } from "./frames.ts";
import { GroupState } from "./group.ts";
import { EntryReader } from "./reader.ts";
import { recover } from "./recovery.ts";
import { Retention } from "./retention.ts";
import { Segments } from "./segments.ts";
import type { Log, LogHandler, LogOptions, LogStats, RecoveredGroup } from "./types.ts";

/**
 * Recovers the log in the directory and opens it. `ready` comes when the log has proved that it can write.
 *
 * @throws SherdError SHERD_LOG_DAMAGED, SHERD_DATA_FORMAT, SHERD_DISK_READ_FAILED: nothing was changed that matters
 */
export function openLog(
  env: Env,
  disk: Disk,
  options: LogOptions,
  handler: LogHandler,
  ready: (log: Log) => void,
): void {
  const log: NodeLog = new NodeLog(env, disk, options, handler, () => ready(log));
}

/** What one tick counts at most. After a pause of the whole process its disk is not to blame for the time. */
const TICK_MS_COUNTED_MAX = 2 * TICK_MS;

class NodeLog implements Log {
  readonly created: boolean;
  readonly recovered: ReadonlyMap<GroupId, RecoveredGroup>;
  readonly #env: Env;
  readonly #handler: LogHandler;
  readonly #groups: Map<GroupId, GroupState>;
  readonly #segments: Segments;
  readonly #frames: FrameQueue;
  readonly #reader: EntryReader;
  readonly #retention: Retention;
  /** The frame whose write runs, or waits for its segment to be made. */
  #writing: Frame | undefined;
  #writeStarted = false;
  #sealed = false;
  #lastTickMs: number;
  #writingSinceMs = 0;
  #writingMs = 0;
  #slowReported = false;
  #idleMs = 0;
  #onClosed: (() => void) | undefined;
  #closed = false;
  #stats = { writes: 0, writtenBytes: 0, entries: 0, segments: 0 };
  readonly #syncs: DurationHistogram = new DurationHistogram();
  /** When the running write was given to the disk. */
  #syncingSinceMs = 0;

  constructor(env: Env, disk: Disk, options: LogOptions, handler: LogHandler, ready: () => void) {
    const directory = options.directory ?? "log";
    const segmentBytes = options.segmentBytes ?? LOG_SEGMENT_BYTES;
    const recovery = recover(env, disk, directory, segmentBytes);
    this.#env = env;
    this.#handler = handler;
    this.created = recovery.created;
    this.#groups = recovery.groups;
    this.recovered = new Map([...recovery.groups].map(([group, state]) => [group, state.recovered()]));
    this.#segments = new Segments({
      env,
      disk,
      directory,
      bytes: segmentBytes,
      live: recovery.live,
      free: recovery.free,
      nextFile: recovery.nextFile,
      firstLive: recovery.firstLive,
      onPrepared: () => this.#onPrepared(),
    });
    this.#frames = new FrameQueue({
      place: recovery.place,
      firstLive: recovery.firstLive,
      segmentBytes,
      frameBytesMax: options.frameBytesMax ?? LOG_FRAME_BYTES_MAX,
      bytesOf: (sequence) => this.#segments.bytesOf(sequence),
    });
    this.#reader = new EntryReader(env, disk, this.#segments, (state) => this.#groups.get(state.id) === state);
    this.#reader.advance(recovery.place.sequence, recovery.place.position);
    this.#retention = new Retention({
      groups: this.#groups,
      frames: this.#frames,
      segments: this.#segments,
      reader: this.#reader,
      handler,
      writeImage: (state, keepAfter, entries) => this.#writeImage(state, keepAfter, entries),
      retainedBytesMax: options.retainedBytesMax ?? LOG_RETAINED_BYTES_MAX,
      pinnedBytesMax: options.pinnedBytesMax ?? LOG_PINNED_BYTES_MAX,
      carryBytesMax: options.carryBytesMax ?? LOG_CARRY_BYTES_MAX,
    });
    this.#lastTickMs = env.monotonicMs();
    // The first write: a disk that refuses writes is noticed before the node speaks to anyone, and what recovery took
    // for the final frame no longer is.
    this.#frames.seal(ready);
    this.#sealed = true;
    this.#segments.prepare(this.#frames.sequence + 1);
    this.#startWrite();
  }

  // --- what is there

  first(group: GroupId): Index {
    return index((this.#groups.get(group)?.truncatedIndex ?? 0) + 1);
  }

  last(group: GroupId): Index {
    return index(this.#groups.get(group)?.last ?? 0);
  }

  term(group: GroupId, at: Index): Term | undefined {
    return this.#groups.get(group)?.termAt(at);
  }

  readNow(group: GroupId, from: Index, to: Index): Entry[] {
    const state = this.#groups.get(group);
    if (from >= to) return [];
    assert(
      state !== undefined && from > state.truncatedIndex && to <= state.last + 1,
      "the log holds what is read now",
    );
    return this.#reader.readNow(state, from, to);
  }

  read(group: GroupId, from: Index, to: Index, bytesMax: number, done: (entries: Entry[]) => void): void {
    this.#reader.read(this.#groups.get(group), from, to, bytesMax, done);
  }

  get busy(): boolean {
    return this.#writing !== undefined || !this.#frames.isEmpty;
  }

  get retainedBytes(): number {
    return this.#retention.retainedBytes;
  }

  get stats(): LogStats {
    return { ...this.#stats, carries: this.#retention.carries, syncs: this.#syncs };
  }

  // --- what is added

  append(group: GroupId, hardState: HardState | undefined, entries: readonly Entry[], done: () => void): void {
    const state = this.#group(group);
    if (hardState !== undefined) state.hardState = hardState;
    const first = entries[0];
    if (first !== undefined) {
      assert(first.index > state.durable, "an entry that was applied is never replaced");
      if (first.index <= state.last) mark("log: conflicting suffix replaced");
      state.truncateAfter(first.index - 1);
    }
    let from = 0;
    do from = this.#appendSome(state, entries, from);
    while (from < entries.length);
    this.#gathered(done);
  }

  reset(group: GroupId, at: Index, atTerm: Term, hardState: HardState, done: () => void): void {
    const state = this.#group(group);
    const frame = this.#frames.room(RECORD_HEADER_BYTES);
    state.hardState = hardState;
    state.restart({ index: at, term: atTerm });
    writeRecordHeader(frame.writer, RecordKind.image, group, hardState, { index: at, term: atTerm }, 0);
    state.newestSequence = frame.sequence;
    this.#gathered(done);
  }

  remove(group: GroupId, done: () => void): void {
    const frame = this.#frames.room(REMOVE_RECORD_BYTES);
    writeRemove(frame.writer, group);
    this.#groups.delete(group);
    this.#gathered(done);
  }

  release(group: GroupId, durable: Index, wanted: Index): void {
    const state = this.#groups.get(group);
    if (state === undefined) return;
    state.durable = Math.max(state.durable, durable);
    state.wanted = wanted;
  }

  pin(group: GroupId, from: Index | undefined): void {
    const state = this.#groups.get(group);
    if (state !== undefined) state.pinned = from ?? Number.POSITIVE_INFINITY;
  }

  #group(group: GroupId): GroupState {
    let state = this.#groups.get(group);
    if (state === undefined) {
      state = new GroupState(group, { index: 0, term: 0 });
      this.#groups.set(group, state);
    }
    return state;
  }

  /** One record with as many entries from `from` on as fit into one frame; returns where to go on. */
  #appendSome(state: GroupState, entries: readonly Entry[], from: number): number {
    const first = entries[from];
    let bytes = RECORD_HEADER_BYTES + (first === undefined ? 0 : entryBytes(first));
    const frame = this.#room(bytes);
    const left = this.#frames.left;
    let to = first === undefined ? from : from + 1;
    for (let entry = entries[to]; entry !== undefined; entry = entries[to]) {
      bytes += entryBytes(entry);
      if (bytes > left) break;
      to += 1;
    }
    const previous = state.position(state.last);
    writeRecordHeader(frame.writer, RecordKind.append, state.id, state.hardState, previous, to - from);
    this.#writeEntries(state, frame, entries, from, to);
    return to;
  }

  #writeImage(state: GroupState, keepAfter: number, entries: readonly Entry[]): void {
    const previous = state.position(keepAfter);
    let bytes = RECORD_HEADER_BYTES;
    for (const entry of entries) bytes += entryBytes(entry);
    const frame = this.#room(bytes);
    state.restart(previous);
    writeRecordHeader(frame.writer, RecordKind.image, state.id, state.hardState, previous, entries.length);
    this.#writeEntries(state, frame, entries, 0, entries.length);
    this.#sealed = false;
  }

  #writeEntries(state: GroupState, frame: Frame, entries: readonly Entry[], from: number, to: number): void {
    for (let i = from; i < to; i += 1) {
      const entry = entries[i] as Entry;
      state.push(entry.index, entry.term, frame.sequence, frame.offset, ENTRY_HEADER_BYTES + entry.data.length);
      writeEntry(frame.writer, entry, this.#env);
    }
    state.newestSequence = frame.sequence;
    this.#stats.entries += to - from;
  }

  #room(bytes: number): Frame {
    if (bytes > this.#frames.recordBytesMax) {
      const detail = `A record of ${bytes} bytes, the limit is ${this.#frames.recordBytesMax}.`;
      this.#env.fatal(new SherdError("SHERD_LOG_ENTRY_TOO_LARGE", detail));
    }
    return this.#frames.room(bytes);
  }

  #gathered(done: () => void): void {
    assert(this.#onClosed === undefined, "nothing is appended to a log that is being closed");
    this.#sealed = false;
    this.#frames.whenDurable(done);
  }

  // --- writing

  flush(): void {
    this.#startWrite();
  }

  /** One write at a time: what is gathered while it runs goes out together when it has ended. */
  #startWrite(): void {
    if (this.#writing === undefined) {
      const frame = this.#frames.take();
      if (frame === undefined) return;
      this.#writing = frame;
      this.#writeStarted = false;
      this.#writingSinceMs = this.#env.monotonicMs();
      this.#writingMs = 0;
      this.#slowReported = false;
    }
    if (this.#writeStarted) return;
    const frame = this.#writing;
    const segment = this.#segments.get(frame.sequence);
    // An `end` frame says that the next segment exists, so it waits for it.
    const missing = segment === undefined || (frame.kind === FrameKind.end && !this.#segments.get(frame.sequence + 1));
    this.#segments.prepare(missing ? frame.sequence + 1 : this.#frames.sequence + 1);
    if (missing) return;
    this.#writeStarted = true;
    const bytes = finishFrame(frame.writer, segment, frame, this.#env);
    this.#stats.writes += 1;
    this.#stats.writtenBytes += bytes.length;
    this.#syncingSinceMs = this.#env.monotonicMs();
    segment.file.write(frame.position, [bytes], () => this.#written(frame));
  }

  #written(frame: Frame): void {
    this.#syncs.recordMs(this.#env.monotonicMs() - this.#syncingSinceMs);
    this.#writing = undefined;
    this.#idleMs = 0;
    this.#segments.release(frame.firstLive);
    this.#reader.advance(frame.sequence, frame.end);
    // The disk goes on at once; the answers to this write come after.
    this.#startWrite();
    for (const done of frame.done) done();
    this.#frames.recycle(frame);
    this.#closeWhenIdle();
  }

  #onPrepared(): void {
    this.#stats.segments += 1;
    this.#startWrite();
    this.#segments.prepare(this.#frames.sequence + 1);
    this.#closeWhenIdle();
  }

  // --- time

  roomIsScarce(scarce: boolean): void {
    this.#retention.roomIsScarce = scarce;
  }

  tick(): void {
    if (this.#closed) return;
    const nowMs = this.#env.monotonicMs();
    const lastTickMs = this.#lastTickMs;
    const passedMs = Math.min(nowMs - lastTickMs, TICK_MS_COUNTED_MAX);
    this.#lastTickMs = nowMs;
    this.#watchWrite(Math.min(nowMs - Math.max(lastTickMs, this.#writingSinceMs), TICK_MS_COUNTED_MAX));
    this.#reader.tick();
    this.#retention.tick(nowMs);
    this.#idleMs = this.busy ? 0 : this.#idleMs + passedMs;
    if (this.#idleMs >= LOG_SEAL_IDLE_MS && !this.#sealed) this.#seal();
    this.flush();
  }

  #watchWrite(passedMs: number): void {
    if (this.#writing === undefined) return;
    this.#writingMs += passedMs;
    if (this.#writingMs >= LOG_WRITE_HANG_MS) {
      mark("log: write hangs");
      const path = this.#segments.get(this.#writing.sequence)?.path ?? "a new segment";
      this.#env.fatal(
        new SherdError(
          "SHERD_DISK_HANGS",
          `A write to ${path} has been running for ${Math.round(this.#writingMs)} ms.`,
        ),
      );
    }
    if (this.#writingMs >= LOG_WRITE_SLOW_MS && !this.#slowReported) {
      this.#slowReported = true;
      mark("log: slow write");
      this.#handler.onSlowWrite(this.#writingMs);
    }
  }

  #seal(): void {
    this.#sealed = true;
    this.#frames.seal();
  }

  close(done: () => void): void {
    assert(this.#onClosed === undefined, "a log is closed once");
    this.#onClosed = done;
    this.#seal();
    this.flush();
  }

  #closeWhenIdle(): void {
    if (this.#onClosed === undefined || this.#closed || this.busy || this.#segments.busy) return;
    this.#closed = true;
    this.#segments.close();
    this.#onClosed();
  }
}
