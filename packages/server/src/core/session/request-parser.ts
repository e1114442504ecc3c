import {
  COMMAND_ARGS_MAX,
  COMMAND_BYTES_MAX,
  EMPTY_BYTES,
  INLINE_BYTES_MAX,
  INPUT_BYTES_FREE,
  latin1,
  SKIPPED_ARGS_MAX,
  SKIPPED_BYTES_MAX,
  STRANGER_ARG_BYTES_MAX,
  STRANGER_ARGS_MAX,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { splitInline } from "./inline.ts";

/** What `next` found. */
export const Parsed = {
  /** The rest has not arrived. */
  more: 0,
  /** A command: `argCount`, `source`, `from`, `to`, `arg` describe it until the next call of `next`. */
  command: 1,
  /** A command beyond a limit, which is read past. `problem` says which; the stream stays usable. */
  refused: 2,
  /** Not RESP: the stream has lost its place. `problem` says why; there is no way on. */
  broken: 3,
  /** A command too large for a stranger, who may turn out to be none; it is read past as well. */
  early: 4,
} as const;
export type Parsed = (typeof Parsed)[keyof typeof Parsed];

/** Memory for incomplete commands that all connections share. */
export interface InputBudget {
  /** False: there is not so much left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Whether strangers may stay such. */
export interface Admission {
  /** Somebody without a password will perhaps be let in, when it is known who may. */
  readonly mayBeOpen: boolean;
}

const STRICT: Admission = { mayBeOpen: false };

const CR = 0x0d;
const LF = 0x0a;
const STAR = 0x2a;
const DOLLAR = 0x24;
const MINUS = 0x2d;

const INCOMPLETE = -1;
const NEGATIVE = -2;
const MALFORMED = -3;
/** More digits than any allowed number has. */
const DIGITS_MAX = 10;

/**
 * Commands out of a client's byte stream, one at a time, so that the connection decides when to take the next.
 *
 * A command within one chunk is parsed where it lies. Chunks are given for keeps: views of them stay valid, bytes that
 * were parsed are never overwritten. What was parsed of an incomplete command is not parsed again when more arrives.
 */
export class RequestParser {
  /** The client has not said who it is: whoever may be anybody may send only little. */
  stranger = false;
  readonly #budget: InputBudget;
  readonly #admission: Admission;
  #charged = 0;
  #bytes: Uint8Array = EMPTY_BYTES;
  /** First byte of the command; `#at` is the first that is not parsed, `#end` the first that has not arrived. */
  #start = 0;
  #at = 0;
  #end = 0;
  /** `#bytes` was allocated here, so there may be room behind `#end`. */
  #owned = false;
  /** Arguments still to come; 0 between commands. */
  #missing = 0;
  /** Length of the argument whose header was read; -1: none. */
  #bulkBytes = -1;
  /** From, to of each argument, relative to `#base` in `#source`; only the first `#argCount` pairs count. */
  readonly #bounds: number[] = [];
  #argCount = 0;
  #source: Uint8Array = EMPTY_BYTES;
  #base = 0;
  /** The command was refused: what is left of it is read past, ... */
  #skipping = false;
  /** ... of the present argument so many bytes, its line end included. */
  #skipBytes = 0;
  /** Set by `push`, reported by `next`. */
  #refusal: string | undefined;
  #problem = "";

  constructor(budget: InputBudget, admission: Admission = STRICT) {
    this.#budget = budget;
    this.#admission = admission;
  }

  /** Nothing has arrived of a next command. */
  get empty(): boolean {
    return this.#start === this.#end && this.#missing === 0;
  }

  /** What has arrived of commands that were not taken, ... */
  get bufferedBytes(): number {
    return this.#end - this.#start;
  }

  /** ... and what the parser holds memory for beyond that. */
  get spareBytes(): number {
    return this.#owned ? this.#bytes.length - (this.#end - this.#start) : 0;
  }

  get argCount(): number {
    return this.#argCount;
  }

  get problem(): string {
    return this.#problem;
  }

  /** The bytes that `from` and `to` point into. */
  get source(): Uint8Array {
    return this.#source;
  }

  from(arg: number): number {
    return this.#base + (this.#bounds[arg * 2] as number);
  }

  to(arg: number): number {
    return this.#base + (this.#bounds[arg * 2 + 1] as number);
  }

  /** A view; it stays valid. */
  arg(arg: number): Uint8Array {
    const from = this.#bounds[arg * 2] as number;
    const source = this.#source;
    // Twice as fast as `subarray`, which looks up the constructor of what it makes.
    return new Uint8Array(
      source.buffer,
      source.byteOffset + this.#base + from,
      (this.#bounds[arg * 2 + 1] as number) - from,
    );
  }

  /** Takes the chunk over. */
  push(chunk: Uint8Array): void {
    if (this.#start === this.#end) {
      this.#release();
      this.#bytes = chunk;
      this.#start = 0;
      this.#at = 0;
      this.#end = chunk.length;
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) {
      let room = this.#roomFor(chunk);
      // Between commands there is nothing to refuse; the connection does not let more than a chunk wait there.
      if (!this.#charge(room) && this.#missing > 0) {
        this.#refuse("too much is arriving on all connections at once; try again");
        this.#refusal = this.#problem;
        this.#skipArrived();
        room = this.#roomFor(chunk);
        this.#charge(room);
      }
      this.#makeRoom(room);
    }
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Gives the memory back, and forgets what has arrived. */
  close(): void {
    this.#release();
    this.#bytes = EMPTY_BYTES;
    this.#start = 0;
    this.#at = 0;
    this.#end = 0;
  }

  next(): Parsed {
    if (this.#refusal !== undefined) {
      this.#problem = this.#refusal;
      this.#refusal = undefined;
      return Parsed.refused;
    }
    for (;;) {
      if (this.#missing === 0) {
        if (this.#at === this.#end) {
          // A client may be idle for long after a large command, which must not keep others from sending theirs.
          if (this.#owned) {
            this.close();
            this.#source = EMPTY_BYTES;
          }
          return Parsed.more;
        }
        if (this.#bytes[this.#at] !== STAR) {
          const parsed = this.#inline();
          if (parsed === undefined) continue;
          return parsed;
        }
        const count = this.#header();
        if (count === INCOMPLETE) return Parsed.more;
        if (count === MALFORMED || count > SKIPPED_ARGS_MAX) return this.#broken("invalid multibulk length");
        if (count <= 0) {
          this.#start = this.#at;
          continue;
        }
        this.#missing = count;
        this.#argCount = 0;
        if (this.stranger && count > STRANGER_ARGS_MAX) return this.#tooMuch("unauthenticated multibulk length");
        if (count > COMMAND_ARGS_MAX) return this.#refuse(tooManyArguments(count));
      }
      const parsed = this.#skipping ? this.#skip() : this.#args();
      if (parsed !== Parsed.command) return parsed;
      this.#base = this.#start;
      this.#start = this.#at;
      if (!this.#skipping) {
        this.#source = this.#bytes;
        return parsed;
      }
      this.#skipping = false;
    }
  }

  /** Parses arguments until the command is complete. */
  #args(): Parsed {
    while (this.#missing > 0) {
      if (this.#bulkBytes < 0) {
        const parsed = this.#bulkHeader();
        if (parsed !== Parsed.command) return parsed;
      }
      const end = this.#at + this.#bulkBytes;
      if (end + 2 > this.#end) return Parsed.more;
      if (this.#bytes[end] !== CR || this.#bytes[end + 1] !== LF)
        return this.#broken("expected CRLF after an argument");
      const pair = this.#argCount * 2;
      this.#bounds[pair] = this.#at - this.#start;
      this.#bounds[pair + 1] = end - this.#start;
      this.#argCount += 1;
      this.#missing -= 1;
      this.#bulkBytes = -1;
      this.#at = end + 2;
    }
    return Parsed.command;
  }

  /** Reads past what is left of a refused command, keeping nothing. */
  #skip(): Parsed {
    while (this.#missing > 0) {
      if (this.#skipBytes === 0) {
        const parsed = this.#bulkHeader();
        if (parsed !== Parsed.command) return parsed;
        this.#skipBytes = this.#bulkBytes + 2;
        this.#bulkBytes = -1;
      }
      if (!this.#skipArrived()) return Parsed.more;
    }
    return Parsed.command;
  }

  /** Drops what has arrived of the present argument; true when that was its end. */
  #skipArrived(): boolean {
    const here = Math.min(this.#skipBytes, this.#end - this.#at);
    this.#at += here;
    this.#start = this.#at;
    this.#skipBytes -= here;
    if (here === 0 || this.#skipBytes > 0) return false;
    this.#missing -= 1;
    return true;
  }

  #bulkHeader(): Parsed {
    if (this.#at === this.#end) return Parsed.more;
    const type = this.#bytes[this.#at] as number;
    if (type !== DOLLAR) {
      const shown = type >= 0x20 && type < 0x7f ? String.fromCharCode(type) : " ";
      return this.#broken(`expected '$', got '${shown}'`);
    }
    const length = this.#header();
    if (length === INCOMPLETE) return Parsed.more;
    if (length < 0 || length > SKIPPED_BYTES_MAX) return this.#broken("invalid bulk length");
    this.#bulkBytes = length;
    if (this.#skipping) return Parsed.command;
    if (this.stranger && length > STRANGER_ARG_BYTES_MAX) return this.#tooMuch("unauthenticated bulk length");
    if (length > VALUE_BYTES_MAX) {
      return this.#refuse(`an argument is ${length} bytes long; at most ${VALUE_BYTES_MAX} are allowed`);
    }
    if (this.#at - this.#start + length > COMMAND_BYTES_MAX) {
      return this.#refuse(`the command is longer than the ${COMMAND_BYTES_MAX} bytes that are allowed`);
    }
    return Parsed.command;
  }

  /** The number in the line at `#at`, behind its type byte; moves behind the line. */
  #header(): number {
    const bytes = this.#bytes;
    const first = this.#at + 1;
    const end = Math.min(this.#end, first + DIGITS_MAX + 1);
    let at = first;
    let value = 0;
    for (; at < end; at += 1) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at - first > DIGITS_MAX) return MALFORMED;
    if (at === this.#end) return INCOMPLETE;
    if (at === first) return this.#negativeHeader(at);
    if (bytes[at] !== CR) return MALFORMED;
    if (at + 1 === this.#end) return INCOMPLETE;
    if (bytes[at + 1] !== LF) return MALFORMED;
    this.#at = at + 2;
    return value;
  }

  /** `-1` is how a RESP null is written; Redis ignores `*-1` and refuses `$-1`. */
  #negativeHeader(at: number): number {
    if (this.#bytes[at] !== MINUS) return MALFORMED;
    const line = this.#bytes.subarray(at, Math.min(this.#end, at + 4));
    const wanted = [MINUS, 0x31, CR, LF];
    if (line.some((byte, i) => byte !== wanted[i])) return MALFORMED;
    if (line.length < wanted.length) return INCOMPLETE;
    this.#at = at + 4;
    return NEGATIVE;
  }

  /** Undefined: an empty line, which says nothing. */
  #inline(): Parsed | undefined {
    const lineEnd = this.#bytes.subarray(0, this.#end).indexOf(LF, this.#start);
    const length = (lineEnd < 0 ? this.#end : lineEnd) - this.#start;
    if (length > INLINE_BYTES_MAX) return this.#broken("too big inline request");
    if (lineEnd < 0) return Parsed.more;
    const args = splitInline(this.#bytes.subarray(this.#start, lineEnd));
    if (args === undefined) return this.#broken("unbalanced quotes in request");
    this.#at = lineEnd + 1;
    this.#start = this.#at;
    const first = args[0];
    if (first === undefined) return undefined;
    if (args.length > COMMAND_ARGS_MAX) {
      this.#problem = tooManyArguments(args.length);
      return Parsed.refused;
    }
    // A browser can be made to send an HTTP request here, with commands in its body.
    if (HTTP.test(latin1(first))) return this.#broken("this is not an HTTP server");
    this.#source = new Uint8Array(first.buffer);
    this.#base = 0;
    this.#argCount = args.length;
    for (const [i, arg] of args.entries()) {
      this.#bounds[i * 2] = arg.byteOffset;
      this.#bounds[i * 2 + 1] = arg.byteOffset + arg.length;
    }
    return Parsed.command;
  }

  /** Begins to read past the command that has begun. */
  #refuse(problem: string): Parsed {
    this.#problem = problem;
    this.#skipping = true;
    this.#skipBytes = this.#bulkBytes < 0 ? 0 : this.#bulkBytes + 2;
    this.#bulkBytes = -1;
    this.#start = this.#at;
    return Parsed.refused;
  }

  /** Of a stranger. Who is one only because the node has just started keeps the connection, and may try again. */
  #tooMuch(problem: string): Parsed {
    if (!this.#admission.mayBeOpen) return this.#broken(problem);
    this.#refuse(problem);
    return Parsed.early;
  }

  #broken(problem: string): Parsed {
    this.#problem = `Protocol error: ${problem}`;
    return Parsed.broken;
  }

  /** Accounts for a buffer of so many bytes; false when there is no memory left for it. */
  #charge(room: number): boolean {
    const charge = this.#skipping ? 0 : Math.max(0, room - INPUT_BYTES_FREE);
    if (charge > this.#charged && !this.#budget.take(charge - this.#charged)) return false;
    if (charge < this.#charged) this.#budget.give(this.#charged - charge);
    this.#charged = charge;
    return true;
  }

  /** How large a buffer the command that has begun gets when this chunk of it arrives. */
  #roomFor(chunk: Uint8Array): number {
    const needed = this.#end - this.#start + chunk.length;
    const whole = this.#bulkBytes < 0 ? Number.POSITIVE_INFINITY : this.#at - this.#start + this.#bulkBytes + 2;
    // Doubling keeps the copying linear. A header's word alone is not enough to take memory.
    return Math.max(needed, Math.min(whole, needed * 2));
  }

  /** Moves the command that has begun into a buffer of our own. */
  #makeRoom(room: number): void {
    const bytes = new Uint8Array(room);
    bytes.set(this.#bytes.subarray(this.#start, this.#end));
    this.#bytes = bytes;
    this.#at -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    this.#owned = true;
  }

  #release(): void {
    if (this.#charged > 0) this.#budget.give(this.#charged);
    this.#charged = 0;
    this.#owned = false;
  }
}

const tooManyArguments = (count: number): string =>
  `the command has ${count} arguments; at most ${COMMAND_ARGS_MAX} are allowed`;

const HTTP = /^(post|host:)$/i;
