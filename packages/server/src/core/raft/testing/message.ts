/** eraftpb.Message for tests: enough of protobuf to read what replicas say to each other, and to forge it. */
import { ByteWriter, utf8 } from "../../base/index.ts";

export const MESSAGE_TYPES = [
  "Hup",
  "Beat",
  "Propose",
  "Append",
  "AppendResponse",
  "RequestVote",
  "RequestVoteResponse",
  "Snapshot",
  "Heartbeat",
  "HeartbeatResponse",
  "Unreachable",
  "SnapStatus",
  "CheckQuorum",
  "TransferLeader",
  "TimeoutNow",
  "ReadIndex",
  "ReadIndexResp",
  "RequestPreVote",
  "RequestPreVoteResponse",
] as const;

export interface MessageEntry {
  readonly type: number;
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array;
}

/** Fields that are absent are 0, false or empty, as proto3 has it. */
export interface Message {
  readonly type: number;
  readonly to: number;
  readonly from: number;
  readonly term: number;
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly MessageEntry[];
  readonly commit: number;
  readonly commitTerm: number;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly context: Uint8Array;
  readonly snapshot: SnapshotMetadata | undefined;
}

export interface SnapshotMetadata {
  readonly index: number;
  readonly term: number;
  readonly voters: readonly number[];
}

/** Fields of messages that replicas of sherd never set. */
export interface ForgedFields {
  readonly requestSnapshot?: number;
  readonly deprecatedPriority?: number;
  readonly priority?: number;
  readonly snapshot?:
    | (SnapshotMetadata & {
        readonly learners?: readonly number[];
        readonly votersOutgoing?: readonly number[];
        readonly learnersNext?: readonly number[];
        readonly autoLeave?: boolean;
      })
    | undefined;
}

type Fields = Map<number, (number | Uint8Array)[]>;

function readFields(bytes: Uint8Array): Fields {
  const fields: Fields = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("a message ends within a number");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const value = varint();
    const field = Math.floor(tag / 8);
    const values = fields.get(field) ?? [];
    if ((tag & 7) === 0) {
      values.push(value);
    } else {
      values.push(bytes.subarray(at, at + value));
      at += value;
    }
    fields.set(field, values);
  }
  return fields;
}

const numberOf = (fields: Fields, field: number): number => (fields.get(field)?.[0] as number | undefined) ?? 0;
const bytesOf = (fields: Fields, field: number): Uint8Array =>
  (fields.get(field)?.[0] as Uint8Array | undefined) ?? new Uint8Array(0);

export function decodeMessage(bytes: Uint8Array): Message {
  const fields = readFields(bytes);
  return {
    type: numberOf(fields, 1),
    to: numberOf(fields, 2),
    from: numberOf(fields, 3),
    term: numberOf(fields, 4),
    logTerm: numberOf(fields, 5),
    index: numberOf(fields, 6),
    entries: (fields.get(7) ?? []).map((entry) => decodeEntry(entry as Uint8Array)),
    commit: numberOf(fields, 8),
    commitTerm: numberOf(fields, 15),
    reject: numberOf(fields, 10) === 1,
    rejectHint: numberOf(fields, 11),
    context: bytesOf(fields, 12),
    snapshot: fields.has(9) ? decodeSnapshot(bytesOf(fields, 9)) : undefined,
  };
}

function decodeEntry(bytes: Uint8Array): MessageEntry {
  const fields = readFields(bytes);
  return {
    type: numberOf(fields, 1),
    term: numberOf(fields, 2),
    index: numberOf(fields, 3),
    data: bytesOf(fields, 4),
  };
}

function decodeSnapshot(bytes: Uint8Array): Message["snapshot"] {
  const metadata = readFields(bytesOf(readFields(bytes), 2));
  const confState = readFields(bytesOf(metadata, 1));
  // Repeated numbers are packed: one block of varints, each below 128 in tests.
  const voters = [...bytesOf(confState, 1)];
  return { index: numberOf(metadata, 2), term: numberOf(metadata, 3), voters };
}

/** A message as `decodeMessage` reads it; what is left out is left at its default. */
export function encodeMessage(message: Partial<Message> & ForgedFields & { readonly type: number }): Uint8Array {
  const out = new ByteWriter();
  number(out, 1, message.type);
  number(out, 2, message.to ?? 0);
  number(out, 3, message.from ?? 0);
  number(out, 4, message.term ?? 0);
  number(out, 5, message.logTerm ?? 0);
  number(out, 6, message.index ?? 0);
  for (const entry of message.entries ?? []) {
    const inner = new ByteWriter();
    number(inner, 1, entry.type);
    number(inner, 2, entry.term);
    number(inner, 3, entry.index);
    block(inner, 4, entry.data);
    block(out, 7, inner.copy());
  }
  number(out, 8, message.commit ?? 0);
  if (message.snapshot !== undefined) block(out, 9, encodeSnapshot(message.snapshot));
  number(out, 10, message.reject === true ? 1 : 0);
  number(out, 11, message.rejectHint ?? 0);
  block(out, 12, message.context ?? new Uint8Array(0));
  number(out, 13, message.requestSnapshot ?? 0);
  number(out, 14, message.deprecatedPriority ?? 0);
  number(out, 15, message.commitTerm ?? 0);
  number(out, 16, message.priority ?? 0);
  return out.copy();
}

function encodeSnapshot(snapshot: NonNullable<ForgedFields["snapshot"]>): Uint8Array {
  const confState = new ByteWriter();
  const { voters, learners, votersOutgoing, learnersNext } = snapshot;
  for (const [i, ids] of [voters, learners, votersOutgoing, learnersNext].entries()) {
    block(confState, i + 1, Uint8Array.from(ids ?? []));
  }
  number(confState, 5, snapshot.autoLeave === true ? 1 : 0);
  const metadata = new ByteWriter();
  block(metadata, 1, confState.copy());
  number(metadata, 2, snapshot.index);
  number(metadata, 3, snapshot.term);
  const out = new ByteWriter();
  block(out, 2, metadata.copy());
  return out.copy();
}

function number(out: ByteWriter, field: number, value: number): void {
  if (value === 0) return;
  varint(out, field * 8);
  varint(out, value);
}

function block(out: ByteWriter, field: number, value: Uint8Array): void {
  if (value.length === 0) return;
  varint(out, field * 8 + 2);
  varint(out, value.length);
  out.bytes(value);
}

function varint(out: ByteWriter, value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.u8((rest % 128) + 128);
  out.u8(rest);
}

/** `Append term 2, after 3 (term 2): 4 "x"; commit 3`: what a reader of a transcript needs, in its order. */
export function describeMessage(bytes: Uint8Array): string {
  const m = decodeMessage(bytes);
  const parts = [`${MESSAGE_TYPES[m.type] ?? `type ${m.type}`} term ${m.term}`];
  switch (MESSAGE_TYPES[m.type]) {
    case "Append": {
      const entries = m.entries.map(describeEntry).join(", ");
      parts.push(`after ${m.index} (term ${m.logTerm})${entries === "" ? "" : `: ${entries}`}`, `commit ${m.commit}`);
      break;
    }
    case "AppendResponse":
      parts.push(m.reject ? `REJECT ${m.index}, hint ${m.rejectHint} (term ${m.logTerm})` : `matched ${m.index}`);
      break;
    case "RequestVote":
    case "RequestPreVote":
      parts.push(`last ${m.index} (term ${m.logTerm})`);
      break;
    case "RequestVoteResponse":
    case "RequestPreVoteResponse":
      parts.push(m.reject ? "REJECT" : "granted");
      break;
    case "Heartbeat":
      parts.push(`commit ${m.commit}`);
      break;
    case "Snapshot":
      parts.push(`at ${m.snapshot?.index} (term ${m.snapshot?.term}), voters ${m.snapshot?.voters.join(" ")}`);
      break;
    default:
  }
  if (m.context[0] !== undefined) parts.push(m.context.length === 8 ? `read ${m.context[0]}` : utf8(m.context));
  return parts.join(", ");
}

const describeEntry = (entry: MessageEntry): string =>
  `${entry.index}${entry.type === 0 ? "" : " change"}${entry.data.length === 0 ? " empty" : entry.type === 0 ? ` "${short(entry.data)}"` : ""}`;

/** Texts of a transcript, cut where they are long on purpose. */
export function short(data: Uint8Array): string {
  const text = utf8(data);
  return text.length <= 20 ? text : `${text.slice(0, 10)}... ${text.length} bytes`;
}
