/**
 * command: the command table, as data, and a file per group of commands.
 *
 * Invariants
 * - An opcode names its command for ever: entries in logs, frames between nodes and sessions on disk carry it.
 * - `run` sees the shard and its arguments and nothing else, so every replica that applies the same entries gives the
 *   same replies. It has no effect at all before it has seen every row that it needs.
 * - What `admit` refuses was never replicated. What `run` answers with an error was, and changed nothing.
 * - COMMAND, COMMAND DOCS and docs/commands.md come from the table; no second list of commands exists.
 *
 * It does not: know connections (`session/` answers the commands without an opcode), protocols, or where a shard is.
 */
export {
  admit,
  arityFits,
  channelsOf,
  keysOf,
  lastKey,
  needsSeveralValues,
  valuePositions,
  valuesOf,
} from "./admit.ts";
export { NUMBER_BYTES_MAX } from "./decimal.ts";
export { categoriesOf, commandDocs, commandEntry, keysAndFlags } from "./describe.ts";
export { type CommandDetails, detailsOf } from "./details.ts";
export {
  crossSlot,
  type ErrorReply,
  err,
  errorReply,
  NOT_AN_INTEGER,
  quoted,
  SLOT_NOT_SERVED,
  SYNTAX_ERROR,
  unknownCommand,
  unknownSubcommand,
  wrongArity,
} from "./errors.ts";
export { parseInt64 } from "./integer-text.ts";
export { array, bulk, bulkText, integer, replyBytes } from "./replies.ts";
export {
  allCommands,
  commandByName,
  commandByOpcode,
  findCommand,
  findSubcommand,
  isWrite,
  shardCommandOf,
  transactions,
} from "./table.ts";
export { TransactionEncoder, type Watched } from "./transaction-format.ts";
export * from "./types.ts";
export { exceedsValues, VALUES_TOO_LARGE } from "./values-limit.ts";
export { type LengthsAhead, weightOf } from "./weight.ts";
export { word } from "./words.ts";
export { mayCostMuch, workOf } from "./work.ts";
