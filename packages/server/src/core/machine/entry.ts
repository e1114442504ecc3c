import { ByteReader, ByteWriter, SherdError, ShortInput, type Slot, slot as toSlot } from "../base/index.ts";

/**
 * The bytes of an entry: one batch of commands of one shard (docs/formats/entry.md). They are replicated, logged and
 * applied as they are; golden files hold them still.
 *
 *   u8 version · u64 log time (ms) · u16 count · count × command
 *   command: u16 opcode · u16 slot · u64 session · [if session: u64 sequence · u64 acknowledged below] · args
 *   args: u16 count · count × (u32 length · bytes)
 */
const VERSION = 1;
const HEADER_BYTES = 11;
const TIME_AT = 1;
const COUNT_AT = 9;

/** Commands of the replica itself. Clients' commands have the opcodes of the command table, all below 0xff00. */
export const Opcode = {
  /** Opens a session; the reply is its id. */
  sessionOpen: 0xff00,
  /** Changes nothing; carries log time. */
  time: 0xff01,
  /** Meta group: a node's addresses as of a boot counter. */
  announce: 0xff02,
  /** In place of a command of a session that the leader will not run: takes its sequence, answers with an error. */
  refuse: 0xff03,
  /** Removes a key if it has ended by log time. */
  end: 0xff04,
  /** Meta group: all users, in place of those of an expected version. */
  users: 0xff05,
  /** A read, of no key: how far the leader's replicas are. Never in an entry. */
  holding: 0xff06,
  /** Removes all keys of the shard. */
  flush: 0xff10,
  // Reads of keys (`key-reads.ts`), the last of these numbers. Never in an entry.
  keyPage: 0xff11,
  shardKeys: 0xff12,
  slotKeys: 0xff13,
  randomKey: 0xff14,
} as const;

export const NO_SESSION = 0;

/** Who sent a command, for exactly-once: `session` is NO_SESSION when it is never retried. */
export interface CommandOrigin {
  readonly session: number;
  readonly sequence: number;
  /** The sender has all replies below this one: they need not be kept. */
  readonly ackedBelow: number;
}

export function encodeCommandArgs(out: ByteWriter, args: readonly Uint8Array[]): void {
  out.u16(args.length);
  for (let i = 0; i < args.length; i += 1) out.block(args[i] as Uint8Array);
}

export function decodeCommandArgs(input: ByteReader): Uint8Array[] {
  const count = input.u16();
  const args = new Array<Uint8Array>(count);
  for (let i = 0; i < count; i += 1) args[i] = input.block();
  return args;
}

/** Packs commands as they come; `finish` gives the entry. Reused from entry to entry. */
export class EntryEncoder {
  readonly #out: ByteWriter = new ByteWriter(4096);
  #count = 0;

  constructor() {
    this.#begin();
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#out.length;
  }

  add(opcode: number, slot: Slot, origin: CommandOrigin | undefined, args: readonly Uint8Array[]): void {
    const out = this.#out;
    out.u16(opcode);
    out.u16(slot);
    if (origin === undefined) {
      out.u64(NO_SESSION);
    } else {
      out.u64(origin.session);
      if (origin.session !== NO_SESSION) {
        out.u64(origin.sequence);
        out.u64(origin.ackedBelow);
      }
    }
    encodeCommandArgs(out, args);
    this.#count += 1;
  }

  /** The entry's bytes, owned by the caller. The encoder is empty afterwards. */
  finish(logTimeMs: number): Uint8Array {
    const out = this.#out;
    const entry = out.copy();
    const header = new DataView(entry.buffer);
    header.setUint32(TIME_AT, logTimeMs % 2 ** 32, true);
    header.setUint32(TIME_AT + 4, Math.floor(logTimeMs / 2 ** 32), true);
    header.setUint16(COUNT_AT, this.#count, true);
    this.#begin();
    return entry;
  }

  #begin(): void {
    this.#out.reset();
    this.#out.u8(VERSION);
    this.#out.u64(0);
    this.#out.u16(0);
    this.#count = 0;
  }
}

/** One command of an entry, decoded in place: views of the entry's bytes. */
export interface CommandView {
  opcode: number;
  slot: Slot;
  session: number;
  sequence: number;
  ackedBelow: number;
  args: Uint8Array[];
}

/** Walks over an entry. One object serves all entries: `open`, then `next` until false. */
export class EntryDecoder {
  #input: ByteReader = new ByteReader(new Uint8Array(0));
  #left = 0;
  #where = "";
  logTimeMs = 0;
  readonly command: CommandView = {
    opcode: 0,
    slot: toSlot(0),
    session: NO_SESSION,
    sequence: 0,
    ackedBelow: 0,
    args: [],
  };

  /** `where` names group and index in the error of an entry that cannot be read. */
  open(data: Uint8Array, where: string): void {
    this.#where = where;
    this.#input = new ByteReader(data);
    if (data.length < HEADER_BYTES) throw this.#unreadable("shorter than its header");
    const version = this.#input.u8();
    if (version !== VERSION) throw this.#unreadable(`version ${version}`);
    this.logTimeMs = this.#input.u64();
    this.#left = this.#input.u16();
  }

  next(): boolean {
    if (this.#left === 0) {
      if (this.#input.remaining > 0) throw this.#unreadable("bytes behind the last command");
      return false;
    }
    this.#left -= 1;
    try {
      this.#command();
    } catch (error) {
      if (error instanceof ShortInput) throw this.#unreadable(error.message);
      throw error;
    }
    return true;
  }

  #command(): void {
    const input = this.#input;
    const command = this.command;
    command.opcode = input.u16();
    command.slot = toSlot(input.u16());
    command.session = input.u64();
    if (command.session === NO_SESSION) {
      command.sequence = 0;
      command.ackedBelow = 0;
    } else {
      command.sequence = input.u64();
      command.ackedBelow = input.u64();
    }
    command.args = decodeCommandArgs(input);
  }

  #unreadable(why: string): SherdError {
    return new SherdError("SHERD_ENTRY_UNREADABLE", `${this.#where}: ${why}.`);
  }
}
