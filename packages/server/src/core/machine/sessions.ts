import {
  ByteReader,
  ByteWriter,
  mark,
  SESSION_IDLE_MS,
  SESSION_REPLIES_MAX,
  SESSION_REPLY_BYTES_MAX,
  SESSIONS_PER_GROUP_MAX,
  type Slot,
} from "../base/index.ts";
import type { Reply } from "../command/index.ts";
import { decodeReply, encodeReply } from "./reply.ts";

/**
 * Exactly once (thesis 6.3). The sender numbers its commands 1, 2, 3, ... within a session; the state keeps the replies
 * that the sender may not have seen. A command is run only if it is the *next* of its session: so a retry finds its
 * stored reply, and commands that overtook a lost one are refused (`gap`) and sent again, in order.
 */
const PREFIX = "session:";
const FORMAT = 1;

/** The kinds of error replies by which a sender learns that a command was not run, and why. */
export const SESSION_ERROR = {
  /** No such session: never opened here, or dropped after SESSION_IDLE_MS. */
  unknown: "SESSIONUNKNOWN",
  /** An earlier command of the session is missing: send again from there. */
  gap: "SESSIONGAP",
  /** The sender said that it has this reply. */
  acknowledged: "SESSIONACKED",
  /** Too many replies are kept; acknowledge some first. */
  full: "SESSIONFULL",
} as const;
export type SessionErrorKind = (typeof SESSION_ERROR)[keyof typeof SESSION_ERROR];

interface StoredReply {
  readonly slot: Slot;
  readonly bytes: Uint8Array;
}

interface Session {
  readonly id: number;
  last: number;
  ackedBelow: number;
  usedMs: number;
  replyBytes: number;
  readonly replies: Map<number, StoredReply>;
  dirty: boolean;
}

const refusal = (kind: SessionErrorKind, text: string): Reply => ({ type: "error", kind, text });

export class Sessions {
  /** In order of last use, oldest first: a used session is moved to the end. */
  readonly #sessions: Map<number, Session> = new Map();
  readonly #dropped: number[] = [];
  readonly #scratch: ByteWriter = new ByteWriter(256);

  get size(): number {
    return this.#sessions.size;
  }

  open(id: number, nowMs: number): void {
    if (this.#sessions.size >= SESSIONS_PER_GROUP_MAX) this.#drop(this.#oldest());
    this.#sessions.set(id, {
      id,
      last: 0,
      ackedBelow: 1,
      usedMs: nowMs,
      replyBytes: 0,
      replies: new Map(),
      dirty: true,
    });
  }

  /** The reply to give without running the command; undefined: run it, then `store` its reply. */
  admit(id: number, sequence: number, ackedBelow: number, nowMs: number): Reply | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) {
      mark("session: unknown");
      return refusal(SESSION_ERROR.unknown, `session ${id} is not open here`);
    }
    this.#touch(session, nowMs);
    this.#acknowledge(session, ackedBelow);
    if (sequence > session.last + 1) {
      mark("session: gap");
      return refusal(SESSION_ERROR.gap, `command ${session.last + 1} of session ${id} is missing`);
    }
    if (sequence <= session.last) {
      const stored = session.replies.get(sequence);
      mark(stored === undefined ? "session: acknowledged command again" : "session: reply given again");
      if (stored !== undefined) return decodeReply(new ByteReader(stored.bytes));
      return refusal(SESSION_ERROR.acknowledged, `command ${sequence} of session ${id} was acknowledged`);
    }
    if (session.replies.size >= SESSION_REPLIES_MAX || session.replyBytes >= SESSION_REPLY_BYTES_MAX) {
      return refusal(SESSION_ERROR.full, `session ${id} keeps ${session.replies.size} replies`);
    }
    return undefined;
  }

  store(id: number, sequence: number, slot: Slot, reply: Reply): void {
    const session = this.#sessions.get(id) as Session;
    this.#scratch.reset();
    encodeReply(this.#scratch, reply);
    const bytes = this.#scratch.copy();
    session.last = sequence;
    session.replies.set(sequence, { slot, bytes });
    session.replyBytes += bytes.length;
    session.dirty = true;
  }

  /** By log time, so that every replica drops the same sessions at the same entry. */
  expire(nowMs: number): void {
    for (const session of this.#sessions.values()) {
      if (nowMs - session.usedMs <= SESSION_IDLE_MS) return;
      mark("session: idle one dropped");
      this.#drop(session.id);
    }
  }

  load(names: readonly string[], row: (name: string) => Uint8Array | undefined): void {
    const found: Session[] = [];
    for (const name of names) {
      const bytes = row(name);
      if (bytes !== undefined) found.push(decodeSession(bytes));
    }
    found.sort((a, b) => a.usedMs - b.usedMs || a.id - b.id);
    for (const session of found) this.#sessions.set(session.id, session);
  }

  static readonly rowPrefix: string = PREFIX;

  /** Rows of the sessions that changed since the last call. */
  writeChanges(put: (name: string, bytes: Uint8Array) => void, remove: (name: string) => void): void {
    for (const id of this.#dropped) remove(PREFIX + id);
    this.#dropped.length = 0;
    // Changed sessions are the most recently used ones, but a walk over all is bounded and simple.
    for (const session of this.#sessions.values()) {
      if (!session.dirty) continue;
      session.dirty = false;
      put(PREFIX + session.id, encodeSession(session));
    }
  }

  #touch(session: Session, nowMs: number): void {
    session.usedMs = nowMs;
    session.dirty = true;
    this.#sessions.delete(session.id);
    this.#sessions.set(session.id, session);
  }

  #acknowledge(session: Session, below: number): void {
    for (let sequence = session.ackedBelow; sequence < below && sequence <= session.last; sequence += 1) {
      const stored = session.replies.get(sequence);
      if (stored === undefined) continue;
      session.replyBytes -= stored.bytes.length;
      session.replies.delete(sequence);
    }
    if (below > session.ackedBelow) session.ackedBelow = Math.min(below, session.last + 1);
  }

  /** Among sessions last used in the same millisecond the lowest id: a restarted replica no longer knows their order. */
  #oldest(): number {
    let oldest: Session | undefined;
    for (const session of this.#sessions.values()) {
      if (oldest !== undefined && session.usedMs > oldest.usedMs) break;
      if (oldest === undefined || session.id < oldest.id) oldest = session;
    }
    return (oldest as Session).id;
  }

  #drop(id: number): void {
    this.#sessions.delete(id);
    this.#dropped.push(id);
  }
}

function encodeSession(session: Session): Uint8Array {
  const out = new ByteWriter(64 + session.replyBytes + session.replies.size * 16);
  out.u8(FORMAT);
  out.u64(session.id);
  out.u64(session.last);
  out.u64(session.ackedBelow);
  out.u64(session.usedMs);
  out.u32(session.replies.size);
  for (const [sequence, stored] of session.replies) {
    out.u64(sequence);
    out.u16(stored.slot);
    out.block(stored.bytes);
  }
  return out.copy();
}

function decodeSession(bytes: Uint8Array): Session {
  const input = new ByteReader(bytes);
  const format = input.u8();
  if (format !== FORMAT) throw new RangeError(`session row of format ${format}`);
  const session: Session = {
    id: input.u64(),
    last: input.u64(),
    ackedBelow: input.u64(),
    usedMs: input.u64(),
    replyBytes: 0,
    replies: new Map(),
    dirty: false,
  };
  for (let left = input.u32(); left > 0; left -= 1) {
    const sequence = input.u64();
    const slot = input.u16() as Slot;
    const stored = { slot, bytes: input.block().slice() };
    session.replies.set(sequence, stored);
    session.replyBytes += stored.bytes.length;
  }
  return session;
}
