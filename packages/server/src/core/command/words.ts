import { latin1 } from "../base/index.ts";

/** Longer arguments are no words. */
const WORD_BYTES_MAX = 32;

/** An option's or a subcommand's name in lower case; empty for what is too long to be one. */
export const word = (bytes: Uint8Array): string =>
  bytes.length > WORD_BYTES_MAX ? "" : latin1(bytes).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
