import { appendFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Logger, multistream, pino } from "pino";
import { createStream } from "rotating-file-stream";
import { LOG_DRAIN_MS_MAX, LOG_FILE_BYTES_MAX, LOG_FILES_MAX } from "./limits.ts";
import { within } from "./within.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface NodeLog {
  readonly logger: Logger;
  /** Synchronous, so that it can be the last thing a process does: to the file and to stderr. */
  lastWords(message: string, error: unknown): void;
  /** Resolves when what was logged is in the file, or after a bounded time. */
  close(): Promise<void>;
}

const LOG_FILE = "node.log";

/**
 * JSON lines in `directory`/node.log, appended to at every start and rotated by size to node.log.1, .2, ...
 * With `echo`, warnings and errors also appear on stderr, for a person.
 */
export function openNodeLog(options: {
  readonly directory: string;
  readonly name: string;
  readonly level: LogLevel;
  readonly echo: boolean;
  /** Last words are in the file only: whoever runs the node tells them. */
  readonly quiet?: boolean;
}): NodeLog {
  const path = join(options.directory, LOG_FILE);
  const file = createStream(LOG_FILE, {
    path: options.directory,
    size: `${LOG_FILE_BYTES_MAX}B`,
    rotate: LOG_FILES_MAX,
  });
  // A log that cannot be written must not take the node's data down with it; it says so once and goes on without.
  file.on("error", (error) => say(`${options.name}: the log ${path} cannot be written any more: ${error.message}`));
  file.on("warning", (error) => say(`${options.name}: rotating ${path}: ${error.message}`));
  const streams = [{ level: options.level, stream: file as NodeJS.WritableStream }];
  if (options.echo) streams.push({ level: "warn", stream: humanStream() });
  const logger = pino(
    { base: { node: options.name }, level: options.level, timestamp: pino.stdTimeFunctions.isoTime },
    multistream(streams),
  );
  return {
    logger,
    lastWords: (message, error) => {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // The stack is for the log; a person needs what happened and, of a coded error, what to do.
      const short = error instanceof Error ? error.message : detail;
      if (options.quiet !== true) say(`${options.name}: ${message}: ${short} (more in ${path})`);
      const line = { level: 60, time: new Date().toISOString(), node: options.name, msg: message, err: detail };
      try {
        appendFileSync(path, `${JSON.stringify(line)}\n`);
      } catch (cause) {
        say(`${options.name}: the log ${path} cannot be written: ${(cause as Error).message}`);
      }
    },
    close: async () => {
      await within(LOG_DRAIN_MS_MAX, new Promise<void>((resolve) => file.end(() => resolve())));
    },
  };
}

/** One line on stderr, at once: `process.stderr` may be asynchronous, and the next thing may be the end. */
export function say(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // Nobody reads stderr any more (the launcher was killed, the terminal closed) or its pipe is full: there is no
    // other place to say it than the log, which has it.
  }
}

/** `WARN message {"field":1}` for each JSON line. */
function humanStream(): NodeJS.WritableStream {
  const names: Record<number, string> = { 40: "WARN", 50: "ERROR", 60: "FATAL" };
  const stream = {
    write(line: string): boolean {
      const { level, time: _, node, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const rest = Object.keys(fields).length === 0 ? "" : ` ${JSON.stringify(fields)}`;
      say(`${String(node)}: ${names[level as number] ?? "INFO"} ${String(msg)}${rest}`);
      return true;
    },
  };
  return stream as NodeJS.WritableStream;
}
