import {
  assert,
  ByteReader,
  ByteWriter,
  type Index,
  index,
  type ReplicaId,
  replicaId,
  type Term,
  term,
} from "../base/index.ts";
import { BOOTSTRAP, type ConfState } from "../raft/index.ts";

/** Name of the system row that says where a space stands. Written with the data it describes, in the same batch. */
const ROW = "applied";
const FORMAT = 1;

export interface AppliedPosition {
  readonly index: Index;
  readonly term: Term;
}

function encodeIds(out: ByteWriter, ids: readonly ReplicaId[]): void {
  out.u16(ids.length);
  for (const id of ids) out.u64(id);
}

function decodeIds(input: ByteReader): ReplicaId[] {
  const ids: ReplicaId[] = [];
  for (let left = input.u16(); left > 0; left -= 1) ids.push(replicaId(input.u64()));
  return ids;
}

export function encodeConfState(out: ByteWriter, state: ConfState): void {
  encodeIds(out, state.voters);
  encodeIds(out, state.learners);
  encodeIds(out, state.votersOutgoing);
  encodeIds(out, state.learnersNext);
  out.u8(state.autoLeave ? 1 : 0);
}

export function decodeConfState(input: ByteReader): ConfState {
  return {
    voters: decodeIds(input),
    learners: decodeIds(input),
    votersOutgoing: decodeIds(input),
    learnersNext: decodeIds(input),
    autoLeave: input.u8() === 1,
  };
}

/**
 * Where the state stands: applied index and term, membership as of there, log time. Membership is part of it because
 * entries replayed after a start must change it exactly once (etcd 11284).
 */
export class AppliedState {
  index: Index;
  term: Term;
  /** max over all applied entries: never goes back, the same on every replica. */
  logTimeMs: number;
  confState: ConfState;

  constructor(row: Uint8Array) {
    const input = new ByteReader(row);
    const format = input.u8();
    if (format !== FORMAT) throw new RangeError(`applied row of format ${format}`);
    this.index = index(input.u64());
    this.term = term(input.u64());
    this.logTimeMs = input.u64();
    this.confState = decodeConfState(input);
  }

  static read(system: (name: string) => Uint8Array | undefined): AppliedState {
    const row = system(ROW);
    if (row === undefined) throw new RangeError("the space has no applied row");
    return new AppliedState(row);
  }

  /** One more entry is in the state. */
  advance(to: Index, inTerm: Term): void {
    assert(to === this.index + 1, "entries are applied in order, once each");
    assert(inTerm >= this.term, "terms of applied entries do not go back");
    this.index = to;
    this.term = inTerm;
  }

  write(put: (name: string, bytes: Uint8Array) => void): void {
    put(ROW, encodeApplied(this.index, this.term, this.logTimeMs, this.confState));
  }
}

function encodeApplied(at: Index, inTerm: Term, logTimeMs: number, confState: ConfState): Uint8Array {
  const out = new ByteWriter(64);
  out.u8(FORMAT);
  out.u64(at);
  out.u64(inTerm);
  out.u64(logTimeMs);
  encodeConfState(out, confState);
  return out.copy();
}

/** The rows of a replica that begins with the group: behind the entry that never was, with the first members. */
export function initialSystemRows(voters: readonly ReplicaId[]): Map<string, Uint8Array> {
  const confState: ConfState = { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return new Map([[ROW, encodeApplied(BOOTSTRAP.index, BOOTSTRAP.term, 0, confState)]]);
}
