import type { Readable } from "node:stream";
import type { Command } from "commander";
import { SherdError, utf8Bytes, VALUE_BYTES_MAX } from "../core/base/index.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import { addTargetOptions, type TargetOptions, targetAddress } from "./options.ts";
import { type Answer, answerOf, type KeyValueTarget, openTarget } from "./target/index.ts";
import { describeBytes, sentence } from "./target/types.ts";

export function register(program: Command): void {
  addTargetOptions(program.command("get"))
    .description("print a value, byte for byte; exit code 1 when there is none")
    .argument("<key>")
    .action((key: string, options: TargetOptions) =>
      runSubcommand(() => withTarget(options, (target) => get(target, key))),
    );
  addTargetOptions(program.command("put"))
    .description("store a value; it is on a majority's disks when this returns")
    .argument("<key>")
    .argument("<value>", "the value, or - to read it from standard input")
    .action((key: string, value: string, options: TargetOptions) =>
      runSubcommand(async () => {
        const bytes = value === "-" ? await readValue(process.stdin) : utf8Bytes(value);
        return withTarget(options, (target) => put(target, key, bytes));
      }),
    );
  addTargetOptions(program.command("delete"))
    .description("delete a key, whether it is there or not")
    .argument("<key>")
    .action((key: string, options: TargetOptions) =>
      runSubcommand(() => withTarget(options, (target) => remove(target, key))),
    );
}

async function withTarget(
  options: TargetOptions,
  body: (target: KeyValueTarget) => Promise<ExitCode>,
): Promise<ExitCode> {
  const target = await openTarget(targetAddress(options));
  try {
    return await body(target);
  } finally {
    target.close();
  }
}

async function get(target: KeyValueTarget, key: string): Promise<ExitCode> {
  const answer = await answerOf((done) => target.get(utf8Bytes(key), done));
  if (answer.type === "missing") return EXIT.no;
  if (answer.type !== "value") throw failed("get", key, answer);
  await write(answer.bytes);
  // On a terminal the prompt should not stick to the value; anywhere else the value is all there is.
  if (process.stdout.isTTY) await write(utf8Bytes("\n"));
  return EXIT.ok;
}

async function put(target: KeyValueTarget, key: string, value: Uint8Array): Promise<ExitCode> {
  const answer = await answerOf((done) => target.put(utf8Bytes(key), value, done));
  if (answer.type !== "stored") throw failed("put", key, answer);
  return EXIT.ok;
}

async function remove(target: KeyValueTarget, key: string): Promise<ExitCode> {
  const answer = await answerOf((done) => target.delete(utf8Bytes(key), done));
  if (answer.type !== "deleted") throw failed("delete", key, answer);
  return EXIT.ok;
}

function failed(action: string, key: string, answer: Answer): SherdError {
  const text = answer.type === "failed" ? answer.text : `the answer was "${answer.type}"`;
  return new SherdError("SHERD_OPERATION_FAILED", `${action} of ${describeBytes(utf8Bytes(key))}: ${sentence(text)}`);
}

/** A value of any bytes. Stops reading where no value may be longer. */
export async function readValue(input: Readable): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of input) {
    const bytes = part as Buffer;
    length += bytes.length;
    if (length > VALUE_BYTES_MAX) {
      throw new SherdError(
        "SHERD_CONFIG_INVALID",
        `The value on standard input is longer than ${VALUE_BYTES_MAX} bytes.`,
      );
    }
    parts.push(bytes);
  }
  return Buffer.concat(parts, length);
}

/** Resolves when the bytes are handed over: the process may end right afterwards. */
function write(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
