import { ClientError } from "@sherd/client";
import { CommanderError } from "commander";
import { SherdError } from "../core/base/index.ts";

/** What the commands tell the shell. */
export const EXIT = {
  ok: 0,
  /** The answer is "no": the key is missing, the check found a difference, operations of the benchmark failed. */
  no: 1,
  /** No answer: wrong usage, nothing reachable, an operation that failed. */
  error: 2,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Runs a subcommand. Expected errors become one readable line; a bug keeps its stack. */
export async function runSubcommand(body: () => Promise<ExitCode>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    // Wrong usage that only shows here: it is printed, and main knows the exit code.
    if (error instanceof CommanderError) throw error;
    process.exitCode = EXIT.error;
    const expected = error instanceof SherdError || error instanceof ClientError;
    process.stderr.write(`${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  }
}
