/** Runs a subcommand inside the test's process, with its output caught. */
import { Command, CommanderError } from "commander";
import { vi } from "vitest";
import { EXIT } from "../exit.ts";

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function runCli(register: (program: Command) => void, args: readonly string[]): Promise<CliResult> {
  let out = "";
  let err = "";
  const catchInto = (add: (text: string) => void) =>
    ((chunk: string | Uint8Array, done?: unknown) => {
      add(typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("latin1"));
      if (typeof done === "function") done();
      return true;
    }) as typeof process.stdout.write;
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation(catchInto((text) => (out += text)));
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation(catchInto((text) => (err += text)));
  const before = process.exitCode;
  process.exitCode = EXIT.ok;
  try {
    const program = new Command("sherd").exitOverride();
    register(program);
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = EXIT.error;
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  const code = Number(process.exitCode);
  process.exitCode = before;
  return { code, out, err };
}
