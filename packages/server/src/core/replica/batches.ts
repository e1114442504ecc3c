import { ENTRY_BYTES_TARGET, ENTRY_COMMANDS_MAX, ENTRY_WEIGHT_MAX, type Index, type Term } from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { EntryDecoder, EntryEncoder, type ReplySink } from "../machine/index.ts";
import type { Request, Rerouted } from "./types.ts";

/** Writes that became, or will become, one entry. */
export class Batch implements ReplySink {
  readonly data: Uint8Array;
  readonly requests: readonly Request[];
  /** Of its data, and of what applying it may add beyond that. */
  readonly bytes: number;
  /** What applying it costs at most, beyond that: see `weightOf`. */
  readonly weight: number;
  /** Of `BatchBuilder.gathered`, when its last request had come. */
  readonly gathered: number;
  /** When the oldest of them came. */
  readonly bornMs: number;
  /** Known once the Raft core took it; 0 before. */
  index: Index = 0 as Index;
  term: Term = 0 as Term;
  #answered = false;

  constructor(
    data: Uint8Array,
    requests: readonly Request[],
    known: {
      readonly growth: number;
      readonly weight: number;
      readonly gatheredBefore: number;
      readonly bornMs: number;
    },
  ) {
    this.data = data;
    this.requests = requests;
    this.bytes = data.length + known.growth;
    this.weight = known.weight;
    this.gathered = known.gatheredBefore + this.bytes;
    this.bornMs = known.bornMs;
  }

  reply(position: number, reply: Reply): void {
    if (!this.#answered) (this.requests[position] as Request).complete(reply);
  }

  /** The outcome can not be known, or not in time. What still becomes known later is not told. */
  answerAll(reply: Reply): void {
    if (this.#answered) return;
    this.#answered = true;
    for (const request of this.requests) request.complete(reply);
  }

  /** The batch certainly has no effect, and is not tried again here. */
  refuseAll(reply: Reply): void {
    if (this.#answered) return;
    this.#answered = true;
    for (const request of this.requests) {
      // What another node forwarded goes back to it: the answer would use up a number that the state machine never saw.
      if (request.giveBack !== undefined) request.giveBack();
      else request.complete(reply);
    }
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** The batch certainly has no effect: its requests, with arguments taken back from the entry's bytes. */
  takeBack(): Rerouted[] {
    if (this.#answered) return [];
    this.#answered = true;
    const decoder = new EntryDecoder();
    decoder.open(this.data, "own batch");
    return this.requests.map((request) => {
      decoder.next();
      return { request, args: decoder.command.args, bornMs: this.bornMs };
    });
  }
}

/** What applying a command may cost: `weightOf`. Asked once for each, when it comes. */
export type Weigh = (request: Request, args: readonly Uint8Array[]) => number;

/** Gathers writes between passes: all that wait become one entry, up to its limits. */
export class BatchBuilder {
  readonly #weigh: Weigh;
  readonly #weightMax: number;
  readonly #encoder: EntryEncoder = new EntryEncoder();
  #requests: Request[] = [];
  /** What these may add to rows beyond their own bytes: an entry is applied in one go, and then all of it is in memory. */
  #growth = 0;
  /** Of these together. */
  #weight = 0;
  /** When the first of them came. */
  #bornMs = 0;
  #full: Batch[] = [];
  #fullBytes = 0;
  #fullCommands = 0;
  #gathered = 0;

  constructor(weigh: Weigh, weightMax: number = ENTRY_WEIGHT_MAX) {
    this.#weigh = weigh;
    this.#weightMax = weightMax;
  }

  get empty(): boolean {
    return this.#requests.length === 0 && this.#full.length === 0;
  }

  get commands(): number {
    return this.#fullCommands + this.#requests.length;
  }

  get bytes(): number {
    return this.#fullBytes + this.#encoder.bytes + this.#growth;
  }

  /** `Batch.bytes` of all that ever came, whatever became of it. */
  get gathered(): number {
    return this.#gathered + this.#encoder.bytes + this.#growth;
  }

  add(request: Request, args: readonly Uint8Array[], monotonicMs: number, logTimeMs: number): void {
    const weight = this.#weigh(request, args);
    if (this.#weight + weight > this.#weightMax && this.#requests.length > 0) this.#seal(logTimeMs);
    this.#weight += weight;
    this.#encoder.add(request.spec.opcode, request.slot, request.origin, args);
    if (this.#requests.length === 0) this.#bornMs = monotonicMs;
    this.#requests.push(request);
    if (request.spec.growth !== undefined) this.#growth += request.spec.growth(args);
    if (this.#encoder.bytes + this.#growth >= ENTRY_BYTES_TARGET || this.#requests.length >= ENTRY_COMMANDS_MAX) {
      this.#seal(logTimeMs);
    }
  }

  /** Everything gathered, in order. */
  take(logTimeMs: number): Batch[] {
    if (this.#requests.length > 0) this.#seal(logTimeMs);
    const batches = this.#full;
    this.#full = [];
    this.#fullBytes = 0;
    this.#fullCommands = 0;
    return batches;
  }

  /** The oldest alone. Not empty. */
  takeFirst(logTimeMs: number): Batch {
    if (this.#full.length === 0) this.#seal(logTimeMs);
    const batch = this.#full.shift() as Batch;
    this.#fullBytes -= batch.bytes;
    this.#fullCommands -= batch.requests.length;
    return batch;
  }

  /** Batches with a request that came before `bornBeforeMs`, in order; the younger ones in them go along. */
  takeOlder(bornBeforeMs: number): Batch[] {
    const older: Batch[] = [];
    while (!this.empty && (this.#full[0]?.bornMs ?? this.#bornMs) < bornBeforeMs) older.push(this.takeFirst(0));
    return older;
  }

  #seal(logTimeMs: number): void {
    const data = this.#encoder.finish(logTimeMs);
    const batch = new Batch(data, this.#requests, {
      growth: this.#growth,
      weight: this.#weight,
      gatheredBefore: this.#gathered,
      bornMs: this.#bornMs,
    });
    this.#full.push(batch);
    this.#fullBytes += batch.bytes;
    this.#gathered = batch.gathered;
    this.#growth = 0;
    this.#weight = 0;
    this.#fullCommands += this.#requests.length;
    this.#requests = [];
  }
}
