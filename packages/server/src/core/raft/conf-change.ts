import { assert, ByteWriter, type ReplicaId, replicaId } from "../base/index.ts";

/** What a membership change does to one replica. */
export interface MemberChange {
  readonly kind: "addVoter" | "addLearner" | "remove";
  readonly replica: ReplicaId;
}

/**
 * How several changes at once take effect. `auto`: one change at once, more through a joint configuration that is left
 * by itself. `joint`: through a joint configuration that is left by itself, even for one. `explicit`: joint until
 * `leaveJoint` is proposed.
 */
export type Transition = "auto" | "joint" | "explicit";

const KINDS = ["addVoter", "remove", "addLearner"] as const;
const TRANSITIONS = ["auto", "joint", "explicit"] as const;

// eraftpb.ConfChangeV2: transition = 1 (varint), repeated changes = 2 (message). ConfChangeSingle: change_type = 1,
// node_id = 2 (both varint). A tag is (field << 3) | wire type; varint is 0, length-delimited is 2.
const TAG_TRANSITION = 0x08;
const TAG_CHANGES = 0x12;
const TAG_KIND = 0x08;
const TAG_REPLICA = 0x10;
const TAG_CONTEXT = 0x1a;

/** `eraftpb.ConfChangeV2`, for `proposeConfChange`. */
export function encodeConfChange(changes: readonly MemberChange[], transition: Transition = "auto"): Uint8Array {
  assert(changes.length > 0, "a membership change changes something; leaving a joint configuration is leaveJoint()");
  const out = new ByteWriter(32);
  if (transition !== "auto") {
    out.u8(TAG_TRANSITION);
    out.u8(TRANSITIONS.indexOf(transition));
  }
  for (const change of changes) {
    const single = new ByteWriter(16);
    const kind = KINDS.indexOf(change.kind);
    if (kind !== 0) {
      single.u8(TAG_KIND);
      single.u8(kind);
    }
    single.u8(TAG_REPLICA);
    writeVarint(single, change.replica);
    out.u8(TAG_CHANGES);
    writeVarint(out, single.length);
    out.bytes(single.view());
  }
  return out.copy();
}

/** The change that leaves a joint configuration: an empty ConfChangeV2. */
export function leaveJoint(): Uint8Array {
  return new Uint8Array(0);
}

export interface DecodedConfChange {
  readonly transition: Transition;
  /** Empty: leaves the joint configuration. */
  readonly changes: readonly MemberChange[];
}

/** The inverse, for a committed membership entry. `undefined` for what raft-rs would not decode either. */
export function decodeConfChange(data: Uint8Array): DecodedConfChange | undefined {
  const input = { data, at: 0 };
  const changes: MemberChange[] = [];
  let transition: Transition = "auto";
  while (input.at < data.length) {
    const tag = readVarint(input);
    const value = readVarint(input);
    if (tag === undefined || value === undefined) return undefined;
    if (tag === TAG_TRANSITION) {
      const known = TRANSITIONS[value];
      if (known === undefined) return undefined;
      transition = known;
    } else if (tag === TAG_CHANGES) {
      const end = input.at + value;
      if (end > data.length) return undefined;
      const change = decodeMemberChange(data.subarray(input.at, end));
      if (change === undefined) return undefined;
      changes.push(change);
      input.at = end;
    } else if (tag === TAG_CONTEXT) {
      input.at += value;
    } else {
      return undefined;
    }
  }
  return { transition, changes };
}

function decodeMemberChange(data: Uint8Array): MemberChange | undefined {
  const input = { data, at: 0 };
  let kind: MemberChange["kind"] = "addVoter";
  let replica = 0;
  while (input.at < data.length) {
    const tag = readVarint(input);
    const value = readVarint(input);
    if (value === undefined) return undefined;
    if (tag === TAG_KIND) {
      const known = KINDS[value];
      if (known === undefined) return undefined;
      kind = known;
    } else if (tag === TAG_REPLICA) {
      replica = value;
    } else {
      return undefined;
    }
  }
  return { kind, replica: replicaId(replica) };
}

function writeVarint(out: ByteWriter, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, "a varint holds a safe, non-negative integer");
  let rest = value;
  while (rest >= 0x80) {
    out.u8((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  out.u8(rest);
}

function readVarint(input: { readonly data: Uint8Array; at: number }): number | undefined {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = input.data[input.at];
    if (byte === undefined) return undefined;
    input.at += 1;
    value += (byte & 0x7f) * scale;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte < 0x80) return value;
    scale *= 0x80;
  }
}
