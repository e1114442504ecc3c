import {
  ByteReader,
  ByteWriter,
  CHANNEL_BYTES_MAX,
  type GroupId,
  groupId,
  type Index,
  PUBLISHED_BYTES_MAX,
  type ReplicaId,
  replicaId,
  type Slot,
  type Term,
  index as toIndex,
  term as toTerm,
} from "../base/index.ts";
import { type Reply, replyBytes } from "../command/index.ts";
import {
  type CommandOrigin,
  decodeCommandArgs,
  decodeReply,
  encodeCommandArgs,
  encodeReply,
  NO_SESSION,
} from "../machine/index.ts";
import { type ClusterMap, decodeMap } from "../meta/index.ts";

/** What nodes say to each other, one kind a message (docs/formats/messages.md). Tags are on the wire: never reuse one. */
export const MessageTag = {
  raft: 1,
  transfer: 2,
  forward: 3,
  answer: 4,
  hints: 5,
  mapWanted: 6,
  map: 7,
  published: 8,
} as const;

/** A command on its way to the leader's node. */
export interface Forward {
  /** Of this attempt: the answer carries it. */
  readonly id: number;
  readonly group: GroupId;
  readonly opcode: number;
  readonly slot: Slot;
  readonly origin: CommandOrigin | undefined;
  /** Of a read: its client, as the sender numbers them. */
  readonly client?: number;
  readonly args: readonly Uint8Array[];
}

/** `reply` undefined: given back, this attempt had no effect. */
export interface Answer {
  readonly id: number;
  readonly reply: Reply | undefined;
  /** A read that may have happened later than what was sent after it. */
  readonly late?: boolean;
  /** With no reply: the read has one of about so many bytes, which the leader cannot hold for the link now. */
  readonly tooLargeBytes?: number;
}

const NO_CLIENT = 0;
/** Clients' numbers on the wire: two that meet by chance take turns as one. */
const CLIENTS_MAX = 2 ** 32;

/** Tag, id, kind, and what a reply's own fields may take beyond `replyBytes`. */
const ANSWER_OVERHEAD_BYTES = 32;

/** How an answer goes on. On the wire: never reuse one. */
const AnswerKind = { givenBack: 0, reply: 1, lateReply: 2, tooLarge: 3 } as const;

/** What a leader tells everybody about a group. */
export interface GroupHint {
  readonly group: GroupId;
  readonly term: Term;
  readonly leader: ReplicaId;
  readonly heldByAll: Index;
  readonly keys: number;
}

export interface Hints {
  readonly mapVersion: number;
  /** Shutting down: give it no leadership. */
  readonly draining: boolean;
  readonly groups: readonly GroupHint[];
  /** The sender's clock when it sent this; undefined from a node that does not tell. */
  readonly wallMs: number | undefined;
}

/** A message of a channel. Channels and shard channels of the same name are different ones. */
export interface Published {
  readonly sharded: boolean;
  readonly channel: Uint8Array;
  readonly message: Uint8Array;
}

/** A message taken apart. */
export type PeerMessage =
  | { readonly tag: typeof MessageTag.raft; readonly group: GroupId; readonly message: Uint8Array }
  | {
      readonly tag: typeof MessageTag.transfer;
      readonly group: GroupId;
      readonly from: ReplicaId;
      readonly to: ReplicaId;
      readonly part: Uint8Array;
    }
  | { readonly tag: typeof MessageTag.forward; readonly forward: Forward }
  | { readonly tag: typeof MessageTag.answer; readonly answer: Answer }
  | { readonly tag: typeof MessageTag.hints; readonly hints: Hints }
  | { readonly tag: typeof MessageTag.mapWanted }
  | { readonly tag: typeof MessageTag.map; readonly map: ClusterMap }
  | { readonly tag: typeof MessageTag.published; readonly published: Published };

/**
 * Changes nothing, so that whatever it throws is the message's fault. Raft messages, parts and what was published are
 * views of the input.
 */
export function decodeMessage(bytes: Uint8Array): PeerMessage {
  const input = new ByteReader(bytes);
  const tag = input.u8();
  switch (tag) {
    case MessageTag.raft:
      return { tag, group: groupId(input.u32()), message: input.take(input.remaining) };
    case MessageTag.transfer: {
      const group = groupId(input.u32());
      return { tag, group, from: replicaId(input.u64()), to: replicaId(input.u64()), part: input.block() };
    }
    case MessageTag.forward:
      return { tag, forward: decodeForward(input) };
    case MessageTag.answer:
      return { tag, answer: decodeAnswer(input) };
    case MessageTag.hints:
      return { tag, hints: decodeHints(input) };
    case MessageTag.mapWanted:
      return { tag };
    case MessageTag.map:
      return { tag, map: decodeMap(input.take(input.remaining), "a peer's message") };
    case MessageTag.published:
      return { tag, published: decodePublished(input) };
    default:
      throw new RangeError(`message of kind ${tag}`);
  }
}

export function encodeRaft(group: GroupId, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(5 + message.length);
  bytes[0] = MessageTag.raft;
  new DataView(bytes.buffer).setUint32(1, group, true);
  bytes.set(message, 5);
  return bytes;
}

export function encodeTransferMessage(group: GroupId, from: ReplicaId, to: ReplicaId, part: Uint8Array): Uint8Array {
  const out = new ByteWriter(part.length + 32);
  out.u8(MessageTag.transfer);
  out.u32(group);
  out.u64(from);
  out.u64(to);
  out.block(part);
  return out.view();
}

export function encodeForward(forward: Forward): Uint8Array {
  const out = new ByteWriter(128);
  out.u8(MessageTag.forward);
  out.u64(forward.id);
  out.u32(forward.group);
  out.u16(forward.opcode);
  out.u16(forward.slot);
  const origin = forward.origin;
  out.u64(origin === undefined ? NO_SESSION : origin.session);
  if (origin === undefined) out.u32(forward.client === undefined ? NO_CLIENT : forward.client % CLIENTS_MAX);
  else {
    out.u64(origin.sequence);
    out.u64(origin.ackedBelow);
  }
  encodeCommandArgs(out, forward.args);
  return out.view();
}

const copiesOf = (input: ByteReader): Uint8Array[] => decodeCommandArgs(input).map((arg) => arg.slice());

/** Arguments are copies: they outlive the frame. */
export function decodeForward(input: ByteReader): Forward {
  const id = input.u64();
  const group = groupId(input.u32());
  const opcode = input.u16();
  const slot = input.u16() as Slot;
  const session = input.u64();
  if (session === NO_SESSION) {
    const client = input.u32();
    const of = client === NO_CLIENT ? {} : { client };
    return { id, group, opcode, slot, origin: undefined, ...of, args: copiesOf(input) };
  }
  const origin = { session, sequence: input.u64(), ackedBelow: input.u64() };
  return { id, group, opcode, slot, origin, args: copiesOf(input) };
}

export function encodeAnswer(answer: Answer): Uint8Array {
  const { reply, tooLargeBytes } = answer;
  const out = new ByteWriter(ANSWER_OVERHEAD_BYTES + (reply === undefined ? 0 : replyBytes(reply)));
  out.u8(MessageTag.answer);
  out.u64(answer.id);
  if (tooLargeBytes !== undefined) {
    out.u8(AnswerKind.tooLarge);
    out.u32(tooLargeBytes);
  } else if (reply === undefined) out.u8(AnswerKind.givenBack);
  else {
    out.u8(answer.late === true ? AnswerKind.lateReply : AnswerKind.reply);
    encodeReply(out, reply);
  }
  return out.view();
}

/** The reply's bytes are copies: it may have to wait for earlier replies of its connection, longer than the frame lives. */
export function decodeAnswer(input: ByteReader): Answer {
  const id = input.u64();
  const kind = input.u8();
  if (kind === AnswerKind.givenBack) return { id, reply: undefined };
  if (kind === AnswerKind.tooLarge) return { id, reply: undefined, tooLargeBytes: input.u32() };
  if (kind > AnswerKind.tooLarge) throw new RangeError(`answer of kind ${kind}`);
  const reply = decodeReply(new ByteReader(input.take(input.remaining).slice()));
  return { id, reply, late: kind === AnswerKind.lateReply };
}

export function encodeHints(hints: Hints): Uint8Array {
  const out = new ByteWriter(24 + hints.groups.length * 36);
  out.u8(MessageTag.hints);
  out.u64(hints.mapVersion);
  out.u8(hints.draining ? 1 : 0);
  out.u32(hints.groups.length);
  for (const hint of hints.groups) {
    out.u32(hint.group);
    out.u64(hint.term);
    out.u64(hint.leader);
    out.u64(hint.heldByAll);
    out.u64(hint.keys);
  }
  if (hints.wallMs !== undefined) out.u64(Math.max(0, Math.floor(hints.wallMs)));
  return out.view();
}

export function decodeHints(input: ByteReader): Hints {
  const mapVersion = input.u64();
  const draining = input.u8() === 1;
  const groups: GroupHint[] = [];
  for (let left = input.u32(); left > 0; left -= 1) {
    groups.push({
      group: groupId(input.u32()),
      term: toTerm(input.u64()),
      leader: replicaId(input.u64()),
      heldByAll: toIndex(input.u64()),
      keys: input.u64(),
    });
  }
  return { mapVersion, draining, groups, wallMs: input.remaining === 0 ? undefined : input.u64() };
}

export function encodeMapWanted(): Uint8Array {
  return new Uint8Array([MessageTag.mapWanted]);
}

export function encodeMapMessage(map: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + map.length);
  bytes[0] = MessageTag.map;
  bytes.set(map, 1);
  return bytes;
}

export function encodePublished({ sharded, channel, message }: Published): Uint8Array {
  const out = new ByteWriter(6 + channel.length + message.length);
  out.u8(MessageTag.published);
  out.u8(sharded ? 1 : 0);
  out.block(channel);
  out.bytes(message);
  return out.view();
}

/** Views of the input. */
function decodePublished(input: ByteReader): Published {
  const space = input.u8();
  if (space > 1) throw new RangeError(`a message of channels of kind ${space}`);
  const channel = input.block();
  const message = input.take(input.remaining);
  if (channel.length > CHANNEL_BYTES_MAX || message.length > PUBLISHED_BYTES_MAX) {
    throw new RangeError(`a message of ${message.length} bytes of a channel whose name has ${channel.length}`);
  }
  return { sharded: space === 1, channel, message };
}
