import { SLOWLOG_ARG_BYTES_MAX, SLOWLOG_ARGS_MAX, utf8Bytes } from "../base/index.ts";

export interface SlowCommand {
  /** Never used again, not even after a reset. */
  readonly id: number;
  readonly atSeconds: number;
  /** From arrival to reply. */
  readonly durationUs: number;
  readonly args: readonly Uint8Array[];
  readonly address: string;
  readonly name: string;
}

/** The latest commands that took long. Arguments are cut as Redis cuts them, so an entry takes a few kilobytes at most. */
export class SlowLog {
  /** Oldest first. */
  readonly #entries: SlowCommand[] = [];
  #nextId = 0;

  get length(): number {
    return this.#entries.length;
  }

  /** `args` are copied. */
  add(entry: Omit<SlowCommand, "id">, lengthMax: number): void {
    this.#entries.push({ ...entry, args: cut(entry.args), id: this.#nextId });
    this.#nextId += 1;
    this.trim(lengthMax);
  }

  trim(lengthMax: number): void {
    if (this.#entries.length > lengthMax) this.#entries.splice(0, this.#entries.length - lengthMax);
  }

  /** Newest first. */
  latest(count: number): SlowCommand[] {
    return this.#entries.slice(Math.max(0, this.#entries.length - count)).reverse();
  }

  reset(): void {
    this.#entries.length = 0;
  }
}

function cut(args: readonly Uint8Array[]): Uint8Array[] {
  if (args.length <= SLOWLOG_ARGS_MAX) return args.map(cutArg);
  const shown = args.slice(0, SLOWLOG_ARGS_MAX - 1).map(cutArg);
  return [...shown, utf8Bytes(`... (${args.length - shown.length} more arguments)`)];
}

function cutArg(arg: Uint8Array): Uint8Array {
  const more = arg.length - SLOWLOG_ARG_BYTES_MAX;
  if (more <= 0) return arg.slice();
  const note = utf8Bytes(`... (${more} more bytes)`);
  const bytes = new Uint8Array(SLOWLOG_ARG_BYTES_MAX + note.length);
  bytes.set(arg.subarray(0, SLOWLOG_ARG_BYTES_MAX));
  bytes.set(note, SLOWLOG_ARG_BYTES_MAX);
  return bytes;
}
