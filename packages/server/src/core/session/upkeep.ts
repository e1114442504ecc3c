import {
  CLIENTS_CHECK_MS,
  CLIENTS_SHORT_PART,
  INPUT_BYTES_MAX,
  STRANGER_MS_MAX,
  UNFINISHED_BYTES_MIN,
  UNFINISHED_CHECK_MS,
  UNREAD_REPLIES_BYTES_MAX,
  UNREAD_REPLIES_CHECK_MS,
} from "../base/index.ts";
import type { Connection } from "./connection.ts";
import type { Connections } from "./connections.ts";

/** How far a connection was when it was last looked at. */
interface Progress {
  readonly commands: number;
  readonly inputBytes: number;
}

/**
 * What is done for all connections. Every quarter of a second: when replies that nobody reads are too much together, those
 * who have the most are closed (Redis' `maxmemory-clients`). Once a second: those that are idle for longer than `timeout` are closed, and, when
 * connections or memory for unfinished commands run short, those that hold an unfinished command and hardly send any
 * more of it, and those that have not said who they are. While there is plenty, slow clients are nobody's business.
 */
export class Upkeep {
  /** Since the start. */
  closedIdle = 0;
  closedSlow = 0;
  closedUnread = 0;
  /** Replies that clients have not read, when they were last added up. */
  unreadBytes = 0;
  /** Commands of the last whole second. */
  commandsPerSecond = 0;
  inputBytesPerSecond = 0;
  outputBytesPerSecond = 0;
  /** The most that was in use when it was looked at. */
  memoryPeakBytes = 0;
  readonly #connections: Connections;
  readonly #unfinished: Map<Connection, Progress> = new Map();
  #addedUpMs = 0;
  #checkedMs = 0;
  #lookedMs = 0;
  #commands = 0;
  #inputBytes = 0;
  #outputBytes = 0;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  tick(nowMs: number): void {
    if (nowMs - this.#addedUpMs >= UNREAD_REPLIES_CHECK_MS) {
      this.#addedUpMs = nowMs;
      this.#closeUnread();
    }
    if (nowMs - this.#checkedMs < CLIENTS_CHECK_MS) return;
    this.#measure(nowMs - this.#checkedMs);
    this.#checkedMs = nowMs;
    if (this.#connections.settings.timeoutSeconds > 0) this.#closeIdle(nowMs);
    if (this.isShort) this.#closeStrangers();
    if (nowMs - this.#lookedMs < UNFINISHED_CHECK_MS) return;
    this.#lookedMs = nowMs;
    this.#closeSlow();
  }

  #measure(elapsedMs: number): void {
    const { commands, inputBytes, outputBytes } = this.#connections;
    const rate = (now: number, before: number): number => Math.round(((now - before) * 1000) / elapsedMs);
    this.commandsPerSecond = rate(commands, this.#commands);
    this.inputBytesPerSecond = rate(inputBytes, this.#inputBytes);
    this.outputBytesPerSecond = rate(outputBytes, this.#outputBytes);
    this.#commands = commands;
    this.#inputBytes = inputBytes;
    this.#outputBytes = outputBytes;
    this.memoryPeakBytes = Math.max(this.memoryPeakBytes, this.#connections.facts.memory().heapBytes);
  }

  #closeUnread(): void {
    this.unreadBytes = 0;
    for (const connection of this.#connections.all) this.unreadBytes += connection.unsentBytes;
    if (this.unreadBytes <= UNREAD_REPLIES_BYTES_MAX) return;
    const all = Array.from(this.#connections.all, (connection) => ({ connection, bytes: connection.unsentBytes }));
    all.sort((left, right) => right.bytes - left.bytes);
    for (const { connection, bytes } of all) {
      if (this.unreadBytes <= UNREAD_REPLIES_BYTES_MAX) return;
      this.unreadBytes -= bytes;
      this.closedUnread += 1;
      const { id, name, socket } = connection;
      const fields = { client: id, name, remote: socket.remoteAddress, unreadBytes: bytes };
      // One key for all: a thousand of them are one complaint, with a count.
      const why =
        "a client that does not read its replies was closed: all together have too much unread, and it the most";
      this.#connections.node.complain("unread replies", why, { ...fields, closedSinceStart: this.closedUnread });
      connection.kill();
    }
  }

  /** Who waits for an answer, or only listens, is not idle. */
  #closeIdle(nowMs: number): void {
    const oldestMs = nowMs - this.#connections.settings.timeoutSeconds * 1000;
    for (const connection of this.#connections.all) {
      if (connection.activeMs > oldestMs || connection.busy || connection.listens) continue;
      this.closedIdle += 1;
      connection.kill();
    }
  }

  /** Or whoever has no password could take all connections from those who have one. */
  #closeStrangers(): void {
    const oldestMs = this.#connections.facts.wallMs() - STRANGER_MS_MAX;
    for (const connection of this.#connections.all) {
      if (connection.user !== undefined || connection.openedMs > oldestMs) continue;
      this.closedIdle += 1;
      connection.kill();
    }
  }

  /** Slow: in a whole interval it completed no command, and sent hardly anything of the one that it has begun. */
  #closeSlow(): void {
    const before = new Map(this.#unfinished);
    this.#unfinished.clear();
    if (!this.isShort) return;
    for (const connection of this.#connections.all) {
      if (connection.busy || !connection.unfinished) continue;
      const { commands, inputBytes } = connection;
      const then = before.get(connection);
      if (then?.commands === commands && inputBytes - then.inputBytes < UNFINISHED_BYTES_MIN) {
        this.closedSlow += 1;
        connection.kill();
      } else {
        this.#unfinished.set(connection, { commands, inputBytes });
      }
    }
  }

  /** Connections, or memory for unfinished commands, may not suffice for those who would use them. */
  get isShort(): boolean {
    const { size, settings, input } = this.#connections;
    return size >= settings.clientsMax * CLIENTS_SHORT_PART || input.takenBytes >= INPUT_BYTES_MAX * CLIENTS_SHORT_PART;
  }
}
