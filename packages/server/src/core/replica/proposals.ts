import { assert, INFLIGHT_WEIGHT_MAX, type Index, mark, type Term } from "../base/index.ts";
import { type Reply, weightOf } from "../command/index.ts";
import type { Entry } from "../raft/index.ts";
import { type Batch, BatchBuilder } from "./batches.ts";
import { type LengthNow, LengthsInFlight } from "./lengths-in-flight.ts";
import type { Request, Rerouted } from "./types.ts";

const INDETERMINATE: Reply = {
  type: "error",
  kind: "INDETERMINATE",
  text: "the outcome is not known: the write may or may not have taken effect",
};
const NOT_BEGUN: Reply = {
  type: "error",
  kind: "CLUSTERDOWN",
  text: "The store could not begin the write in time: it had no effect",
};

/**
 * The writes of one replica, from their coming until it is known what became of them: first they gather in batches, one
 * batch at a time is with the core, then it has a place in the log and waits there until its index is applied.
 */
export class Proposals {
  readonly #builder: BatchBuilder;
  /**
   * Handed to the core, which has not said yet where it stands. One at a time: of two, the core may refuse the first for
   * want of room and take the second, which would overtake it.
   */
  #proposing: { readonly ticket: number; readonly batch: Batch } | undefined;
  /** In the log, by index; not yet applied. */
  #outstanding: Batch[] = [];
  /** Of these together. */
  #weight = 0;
  /** Being applied. */
  #applying: Batch | undefined;
  readonly #lengths: LengthsInFlight;
  readonly #weightMax: number;

  /** `lengthNow`: asked only while all entries that are not applied are among these writes. Tests pass other limits. */
  constructor(lengthNow: LengthNow, entryWeightMax?: number, inFlightWeightMax: number = INFLIGHT_WEIGHT_MAX) {
    this.#weightMax = inFlightWeightMax;
    const lengths = new LengthsInFlight(lengthNow, () => this.#builder.gathered);
    this.#lengths = lengths;
    this.#builder = new BatchBuilder(({ spec, slot }, args) => weightOf(spec, slot, args, lengths), entryWeightMax);
  }

  add(request: Request, args: readonly Uint8Array[], monotonicMs: number, logTimeMs: number): void {
    this.#builder.add(request, args, monotonicMs, logTimeMs);
  }

  // --- what waits to be proposed

  get empty(): boolean {
    return this.#builder.empty;
  }

  get commands(): number {
    return this.#builder.commands;
  }

  get bytes(): number {
    return this.#builder.bytes;
  }

  /** Whether a batch waits that may be proposed in this term now; else when some that were proposed are applied. */
  isNextDue(term: Term): boolean {
    if (this.#builder.empty || this.awaitsCore) return false;
    // A batch of an older term may yet turn out lost and be proposed again: nothing may overtake it.
    const oldest = this.#outstanding[0];
    return oldest === undefined || (oldest.term === term && this.#weight < this.#weightMax);
  }

  /** The bytes to propose under this ticket. One must be due. */
  next(ticket: number, logTimeMs: number): Uint8Array {
    const batch = this.#builder.takeFirst(logTimeMs);
    this.#proposing = { ticket, batch };
    return batch.data;
  }

  /** The core has yet to answer for a batch. */
  get awaitsCore(): boolean {
    return this.#proposing !== undefined;
  }

  /** All that waits, in order: it had no effect. */
  takeUnproposed(): Rerouted[] {
    return this.#builder.take(0).flatMap((batch) => batch.takeBack());
  }

  // --- what the core says

  placed(ticket: number, term: Term, index: Index): void {
    const batch = this.#answered(ticket);
    batch.term = term;
    batch.index = index;
    this.#outstanding.push(batch);
    this.#weight += batch.weight;
  }

  /** It had no effect; it and all that waited behind it, in order. */
  dropped(ticket: number): Rerouted[] {
    return this.#answered(ticket).takeBack().concat(this.takeUnproposed());
  }

  #answered(ticket: number): Batch {
    const proposing = this.#proposing;
    assert(proposing?.ticket === ticket, "the core answers for what was proposed last");
    this.#proposing = undefined;
    return proposing.batch;
  }

  // --- what became of them

  /** Writes that were proposed and whose outcome is not known: none that came later may overtake them. */
  get unsettled(): boolean {
    return this.#outstanding.some((batch) => !batch.answered);
  }

  /**
   * Our batch at this index, if the entry is really it. One of another term in its place means that it is lost; so does
   * an entry of a later term before it, because terms do not go back within the log. (Waiting for its own index could
   * last for ever: a new leader proposes nothing before all batches of older terms are settled.)
   */
  at(entry: Entry): { readonly own: Batch | undefined; readonly lost: readonly Rerouted[] } {
    const lost: Rerouted[] = [];
    let own: Batch | undefined;
    for (let batch = this.#outstanding[0]; batch !== undefined; batch = this.#outstanding[0]) {
      assert(batch.index >= entry.index, "a batch is outstanding until its index is applied");
      if (batch.index > entry.index && batch.term >= entry.term) break;
      this.#outstanding.shift();
      this.#weight -= batch.weight;
      if (batch.index === entry.index && batch.term === entry.term) {
        own = batch;
        this.#applying = batch;
        break;
      }
      this.#lengths.settled(batch.gathered);
      lost.push(...batch.takeBack());
    }
    return { own, lost };
  }

  /**
   * The entry that `at` was asked about is in the state, and not before: what is gathered while it is applied, because of
   * its replies, may find a part of it there.
   */
  applied(): void {
    if (this.#applying === undefined) return;
    this.#lengths.settled(this.#applying.gathered);
    this.#applying = undefined;
  }

  /** Answers what came before `bornBeforeMs` with what is known about it. */
  expire(bornBeforeMs: number): void {
    // The store takes nothing more, or what became of earlier writes is not known: nothing of these was proposed.
    for (const batch of this.#builder.takeOlder(bornBeforeMs)) batch.refuseAll(NOT_BEGUN);
    for (const batch of this.#outstanding) {
      if (batch.bornMs >= bornBeforeMs) break;
      mark("replica: write unanswered for too long");
      batch.answerAll(INDETERMINATE);
    }
  }

  /** What was proposed may or may not be committed, and this replica will not learn which. */
  fail(): void {
    this.#proposing?.batch.answerAll(INDETERMINATE);
    for (const batch of this.#outstanding) batch.answerAll(INDETERMINATE);
    this.#outstanding = [];
    this.#weight = 0;
  }

  get outstanding(): number {
    return this.#outstanding.length;
  }
}
