import { SimDisk, type SimDiskOptions } from "../../../../../sim/src/disk/index.ts";
import {
  crc32,
  type GroupId,
  groupId,
  type Index,
  index,
  latin1,
  latin1Bytes,
  replicaId,
  type SherdError,
  term,
} from "../../base/index.ts";
import type { Env } from "../../env/index.ts";
import { type Entry, EntryKind, type HardState } from "../../raft/index.ts";
import { type Log, type LogHandler, type LogOptions, openLog } from "../index.ts";

/** The simulated process ended itself. */
export class Fatal extends Error {
  readonly error: SherdError;
  constructor(error: SherdError) {
    super(error.message);
    this.error = error;
  }
}

/** Virtual time, one seed, one disk: what a log needs around it. */
export class World {
  readonly disk: SimDisk;
  nowMs = 0;
  readonly messages: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  #state: number;
  #order = 0;
  #events: { atMs: number; order: number; event: () => void }[] = [];

  constructor(seed = 1, options: SimDiskOptions = {}) {
    this.#state = seed >>> 0;
    this.disk = new SimDisk(this, options);
  }

  /** mulberry32 */
  random32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  random(below: number): number {
    return this.random32() % below;
  }

  schedule(delayMs: number, event: () => void): void {
    this.#order += 1;
    this.#events.push({ atMs: this.nowMs + delayMs, order: this.#order, event });
  }

  /** The next event; false when there is none. */
  step(): boolean {
    this.#events.sort((left, right) => left.atMs - right.atMs || left.order - right.order);
    const next = this.#events.shift();
    if (next === undefined) return false;
    this.nowMs = next.atMs;
    next.event();
    return true;
  }

  /** Until nothing is under way. */
  run(): void {
    while (this.step());
  }

  runUntil(reached: () => boolean): void {
    while (!reached()) {
      if (!this.step()) throw new Error("nothing is under way and the condition is not reached");
    }
  }

  env(): Env {
    return {
      monotonicMs: () => this.nowMs,
      wallMs: () => this.nowMs,
      random32: () => this.random32(),
      checksum: crc32,
      latin1,
      deflate: () => {
        throw new Error("the log does not compress");
      },
      inflate: () => {
        throw new Error("the log does not compress");
      },
      requestPass: () => {},
      fatal: (error) => {
        throw new Fatal(error as SherdError);
      },
      log: (level, message, fields = {}) => {
        this.messages.push({ level, message, fields });
      },
    };
  }

  openLater(options: LogOptions, handler: Partial<LogHandler>, ready: (log: Log) => void): void {
    const env = this.env();
    const disk = this.disk.mount((error) => env.fatal(error));
    openLog(
      env,
      disk,
      options,
      { onTruncated: () => {}, onSlowWrite: () => {}, onPressure: () => {}, ...handler },
      ready,
    );
  }

  /** Opens the log and waits until it is ready. */
  open(options: LogOptions = SMALL, handler: Partial<LogHandler> = {}): Log {
    let opened: Log | undefined;
    this.openLater(options, handler, (log) => {
      opened = log;
    });
    this.runUntil(() => opened !== undefined);
    return opened as unknown as Log;
  }

  /** Ticks every 50 ms, as a node does. */
  tick(log: Log, times: number): void {
    for (let i = 0; i < times; i += 1) {
      const untilMs = this.nowMs + 50;
      this.schedule(50, () => log.tick());
      while (this.nowMs < untilMs) this.step();
    }
  }

  /** Appends and waits until it is durable. */
  append(log: Log, group: GroupId, entries: readonly Entry[], state?: HardState): void {
    let durable = false;
    log.append(group, state, entries, () => {
      durable = true;
    });
    log.flush();
    this.runUntil(() => durable);
  }

  read(log: Log, group: GroupId, from: number, to: number, bytesMax = 1_000_000): Entry[] {
    let result: Entry[] | undefined;
    log.read(group, index(from), index(to), bytesMax, (entries) => {
      result = entries;
    });
    this.schedule(50, () => log.tick());
    this.runUntil(() => result !== undefined);
    return result as unknown as Entry[];
  }

  close(log: Log): void {
    let closed = false;
    log.close(() => {
      closed = true;
    });
    this.runUntil(() => closed);
  }
}

/** Segments so small that a few entries fill them. */
export const SMALL: LogOptions = {
  segmentBytes: 16_384,
  frameBytesMax: 4_096,
  retainedBytesMax: 65_536,
  pinnedBytesMax: 131_072,
  carryBytesMax: 2_048,
};

export const G1: GroupId = groupId(1);
export const G2: GroupId = groupId(2);
export const G3: GroupId = groupId(3);
export const NOOP = (): void => {};

export function hardState(atTerm: number, vote: number, commit: number): HardState {
  return { term: term(atTerm), vote: replicaId(vote), commit: index(commit) };
}

export function entry(at: number, atTerm: number, text: string): Entry {
  return { index: index(at), term: term(atTerm), kind: EntryKind.normal, data: latin1Bytes(text) };
}

/** Entries [from, to] of one term, each with a text that names it. */
export function entries(from: number, to: number, atTerm: number, bytes = 20): Entry[] {
  const all: Entry[] = [];
  for (let at = from; at <= to; at += 1) all.push(entry(at, atTerm, `${atTerm}/${at} `.padEnd(bytes, "-")));
  return all;
}

/** All entries of a group, in one line each. */
export function held(log: Log, group: GroupId): string[] {
  return texts(log.readNow(group, log.first(group), index(log.last(group) + 1) as Index));
}

export function texts(read: readonly Entry[]): string[] {
  return read.map(({ index: at, term: atTerm, data }) => `${at}@${atTerm} ${latin1(data).replace(/-+$/, "").trim()}`);
}
