import { appendFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Logger, multistream, pino } from "pino";
import { createStream } from "rotating-file-stream";
import { type GroupId, META_GROUP, type NodeId, SherdError } from "../core/base/index.ts";
import type { Env } from "../core/env/index.ts";
import { LOG_DRAIN_MS_MAX, LOG_FILE_BYTES_MAX, LOG_FILES_MAX } from "./limits.ts";
import { within } from "./within.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface NodeLog {
  /** Whoever writes to it says which component it is. */
  readonly logger: Logger;
  /** The same, for what concerns the process as a whole. */
  readonly process: Logger;
  /** Synchronous, so that it can be the last thing a process does: to the file and to stderr. */
  lastWords(message: string, error: unknown): void;
  /** Resolves when what was logged is in the file, or after a bounded time. */
  close(): Promise<void>;
}

const LOG_FILE = "node.log";

/** How warnings and errors look on stderr. */
export type LogFormat = "text" | "json";

/** Of lines about the process as a whole. */
const PROCESS = { component: "process" } as const;

/**
 * JSON lines in `directory`/node.log, appended to at every start and rotated by size to node.log.1, .2, ...
 * Each has level, time, node, id (the node's), component, msg; code and shard where there are any (docs/operations.md).
 * With `echo`, warnings and errors also appear on stderr.
 */
export function openNodeLog(options: {
  readonly directory: string;
  readonly name: string;
  readonly id: NodeId;
  readonly level: LogLevel;
  readonly echo: boolean;
  readonly format?: LogFormat;
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
  if (options.echo) streams.push({ level: "warn", stream: errorStream(options.format ?? "text") });
  const base = { node: options.name, id: options.id };
  const logger = pino(
    {
      base,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    multistream(streams),
  );
  return {
    logger,
    process: logger.child(PROCESS),
    lastWords: (message, error) => {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      // The stack is for the log; a person needs what happened and, of a coded error, what to do.
      const short = error instanceof Error ? error.message : detail;
      const time = new Date().toISOString();
      const code = error instanceof SherdError ? error.code : undefined;
      const line = JSON.stringify({ level: "fatal", time, ...base, ...PROCESS, code, err: detail, msg: message });
      const isText = options.format !== "json" || !options.echo;
      if (options.quiet !== true) say(isText ? `${options.name}: ${message}: ${short} (more in ${path})` : line);
      try {
        appendFileSync(path, `${line}\n`);
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

/** `a: WARN message {"field":1}` for each JSON line, or the line itself. */
function errorStream(format: LogFormat): NodeJS.WritableStream {
  const stream = {
    write(line: string): boolean {
      say(format === "json" ? line.trimEnd() : textOf(line));
      return true;
    },
  };
  return stream as NodeJS.WritableStream;
}

function textOf(line: string): string {
  const { level, time: _, node, id: _id, component: _component, msg, ...fields } = JSON.parse(line) as Fields;
  const rest = Object.keys(fields).length === 0 ? "" : ` ${JSON.stringify(fields)}`;
  return `${String(node)}: ${String(level).toUpperCase()} ${String(msg)}${rest}`;
}

type Fields = Readonly<Record<string, unknown>>;

/** What core says: about a part of the node, `part` if it says so itself, and about a shard where it names a group. */
export function logTo(logger: Logger): Env["log"] {
  return (level, message, fields) => {
    if (!logger.isLevelEnabled(level)) return;
    const { group, ...rest } = fields ?? {};
    const shard = group === undefined ? {} : { shard: (group as GroupId) === META_GROUP ? "meta" : group };
    logger[level]({ component: "node", ...shard, ...rest }, message);
  };
}

/** The same environment for one part of the node, whose lines name it. */
export const envOf = (component: string, env: Env): Env => ({
  ...env,
  log: (level, message, fields) => env.log(level, message, { component, ...fields }),
});
