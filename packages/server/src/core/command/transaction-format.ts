import {
  ByteReader,
  ByteWriter,
  ShortInput,
  TRANSACTION_BYTES_MAX,
  TRANSACTION_COMMANDS_MAX,
  TRANSACTION_WATCHED_MAX,
} from "../base/index.ts";
import type { CommandIn, CommandSpec } from "./types.ts";

/**
 * A transaction as the one argument of one command (docs/formats/entry.md):
 *
 *   u8 version · u32 count · count × (block key · u64 version of its row, 0: none)
 *              · u32 count · count × (u16 opcode · u32 count · count × block argument)
 */
const VERSION = 1;
const BLOCK_HEADER_BYTES = 4;
const COMMAND_HEADER_BYTES = 6;

/** A key that the client watches, with the version that its row had. */
export interface Watched {
  readonly key: Uint8Array;
  readonly version: number;
}

export interface Transaction {
  readonly watched: readonly Watched[];
  readonly commands: readonly CommandIn[];
}

/** Gathers the commands of a transaction; their arguments are copied as they come. */
export class TransactionEncoder {
  readonly #commands: ByteWriter = new ByteWriter(256);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#commands.length;
  }

  /** False: the transaction would become too large. Nothing was added then. */
  add(opcode: number, args: readonly Uint8Array[]): boolean {
    let bytes = COMMAND_HEADER_BYTES;
    for (const arg of args) bytes += BLOCK_HEADER_BYTES + arg.length;
    if (this.#count >= TRANSACTION_COMMANDS_MAX || this.bytes + bytes > TRANSACTION_BYTES_MAX) return false;
    const out = this.#commands;
    out.u16(opcode);
    out.u32(args.length);
    for (const arg of args) out.block(arg);
    this.#count += 1;
    return true;
  }

  /** The argument of the command that runs them all. */
  finish(watched: readonly Watched[]): Uint8Array {
    const out = new ByteWriter(64 + this.bytes);
    out.u8(VERSION);
    out.u32(watched.length);
    for (const { key, version } of watched) {
      out.block(key);
      out.u64(version);
    }
    out.u32(this.#count);
    out.bytes(this.#commands.view());
    return out.copy();
  }
}

/** Keys and arguments are views of `bytes`. Undefined: no encoder wrote this, or it names commands unknown here. */
export function decodeTransaction(
  bytes: Uint8Array,
  commandOf: (opcode: number) => CommandSpec | undefined,
): Transaction | undefined {
  const input = new ByteReader(bytes);
  try {
    if (input.u8() !== VERSION) return undefined;
    const watched: Watched[] = [];
    for (let left = input.u32(); left > 0; left -= 1) watched.push({ key: input.block(), version: input.u64() });
    const commands: CommandIn[] = [];
    for (let left = input.u32(); left > 0; left -= 1) {
      const spec = commandOf(input.u16());
      if (spec === undefined) return undefined;
      const args: Uint8Array[] = [];
      for (let more = input.u32(); more > 0; more -= 1) args.push(input.block());
      commands.push({ spec, args });
    }
    const bounded = watched.length <= TRANSACTION_WATCHED_MAX && commands.length <= TRANSACTION_COMMANDS_MAX;
    return input.remaining === 0 && bounded ? { watched, commands } : undefined;
  } catch (error) {
    if (error instanceof ShortInput) return undefined;
    throw error;
  }
}
