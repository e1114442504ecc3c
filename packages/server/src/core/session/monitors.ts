import { latin1, MONITOR_ARG_BYTES_MAX, MONITOR_LINE_BYTES_MAX, MONITOR_OUTPUT_BYTES_MAX } from "../base/index.ts";
import { type CommandSpec, findSubcommand, type Reply } from "../command/index.ts";
import type { Connection } from "./connection.ts";
import { shownCommand } from "./shown-command.ts";

/** Connections that asked to see every command (MONITOR). */
export class Monitors {
  readonly #connections: Set<Connection> = new Set();

  get size(): number {
    return this.#connections.size;
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** A client sends a command. One that administers is not shown, as in Redis: it may hold secrets. */
  show(from: Connection, spec: CommandSpec, args: readonly Uint8Array[], wallMs: number): void {
    const [name] = args;
    const sub = spec.opcode > 0 || name === undefined ? undefined : findSubcommand(spec, name);
    if ((sub ?? spec).flags.includes("admin")) return;
    const words = sub === undefined ? shownCommand(spec, args) : shownCommand(sub, args.slice(1));
    const when = (wallMs / 1000).toFixed(6);
    const text = `${when} [0 ${from.socket.remoteAddress}]${quotedLine(words)}`;
    const line: Reply = { type: "simple", text };
    for (const monitor of this.#connections) {
      // Whoever does not read what it asked for must not make the node keep it.
      if (monitor.unsentBytes + text.length > MONITOR_OUTPUT_BYTES_MAX) monitor.kill();
      else monitor.tell(line);
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x07": "\\a",
  "\b": "\\b",
  '"': '\\"',
  "\\": "\\\\",
};

/** Cut where it becomes too long to be read. */
function quotedLine(words: readonly Uint8Array[]): string {
  let line = "";
  for (const [at, word] of words.entries()) {
    if (line.length > MONITOR_LINE_BYTES_MAX) return `${line} "... (${words.length - at} more arguments)"`;
    line += ` ${quoted(word)}`;
  }
  return line;
}

/** As redis-cli reads it. */
function quoted(arg: Uint8Array): string {
  const more = arg.length - MONITOR_ARG_BYTES_MAX;
  if (more > 0) return `${quoted(arg.subarray(0, MONITOR_ARG_BYTES_MAX)).slice(0, -1)}... (${more} more bytes)"`;
  const text = latin1(arg).replace(
    /[^\x20-\x7e]|["\\]/g,
    (character) => ESCAPES[character] ?? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  return `"${text}"`;
}
