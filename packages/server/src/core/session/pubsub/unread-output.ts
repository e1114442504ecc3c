import {
  SUBSCRIBER_UNREAD_BYTES_MAX,
  SUBSCRIBER_UNREAD_BYTES_SOFT,
  SUBSCRIBER_UNREAD_BYTES_WATCHED,
  SUBSCRIBER_UNREAD_SOFT_MS,
  SUBSCRIBERS_UNREAD_BYTES_MAX,
} from "../../base/index.ts";
import type { Subscriber } from "./subscriber.ts";

interface Unread {
  bytes: number;
  /** Since when it is above the soft limit; undefined: it is not. */
  sinceMs: number | undefined;
}

type Complain = (key: string, message: string, fields: Readonly<Record<string, unknown>>) => void;

/**
 * Subscribers that have not read what they were sent, and when they are closed for it: at once above a hard limit, after
 * a while above a soft one, and the one with the most when all together have too much. A publisher is never made to wait.
 */
export class UnreadOutput {
  /** Subscribers closed since the start. */
  closed = 0;
  readonly #complain: Complain;
  readonly #watched: Map<Subscriber, Unread> = new Map();
  /** Of those that are watched, as last seen. */
  #bytes = 0;
  #nowMs = 0;

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** It was sent something. */
  pushed(subscriber: Subscriber): void {
    const bytes = subscriber.receiver.unsentBytes;
    if (bytes <= SUBSCRIBER_UNREAD_BYTES_WATCHED) return;
    this.#look(subscriber, bytes);
    if (bytes > SUBSCRIBER_UNREAD_BYTES_MAX) this.#close(subscriber, "more unread than one may have");
    while (this.#bytes > SUBSCRIBERS_UNREAD_BYTES_MAX) this.#closeLargest();
  }

  onTick(nowMs: number): void {
    this.#nowMs = nowMs;
    for (const subscriber of this.#watched.keys()) {
      const { unsentBytes } = subscriber.receiver;
      if (unsentBytes <= SUBSCRIBER_UNREAD_BYTES_WATCHED) {
        this.forget(subscriber);
        continue;
      }
      const { sinceMs } = this.#look(subscriber, unsentBytes);
      if (sinceMs !== undefined && nowMs - sinceMs >= SUBSCRIBER_UNREAD_SOFT_MS) {
        this.#close(subscriber, "much unread for too long");
      }
    }
  }

  /** It has ended, or has read. */
  forget(subscriber: Subscriber): void {
    const unread = this.#watched.get(subscriber);
    if (unread === undefined) return;
    this.#bytes -= unread.bytes;
    this.#watched.delete(subscriber);
  }

  #look(subscriber: Subscriber, bytes: number): Unread {
    let unread = this.#watched.get(subscriber);
    if (unread === undefined) {
      unread = { bytes: 0, sinceMs: undefined };
      this.#watched.set(subscriber, unread);
    }
    this.#bytes += bytes - unread.bytes;
    unread.bytes = bytes;
    if (bytes <= SUBSCRIBER_UNREAD_BYTES_SOFT) unread.sinceMs = undefined;
    else unread.sinceMs ??= this.#nowMs;
    return unread;
  }

  #closeLargest(): void {
    let largest: Subscriber | undefined;
    let most = 0;
    for (const [subscriber, { bytes }] of this.#watched) {
      if (bytes <= most) continue;
      most = bytes;
      largest = subscriber;
    }
    if (largest !== undefined) this.#close(largest, "all subscribers together have too much unread, and it the most");
  }

  #close(subscriber: Subscriber, why: string): void {
    const { receiver } = subscriber;
    const unreadBytes = this.#watched.get(subscriber)?.bytes;
    this.forget(subscriber);
    this.closed += 1;
    const fields = { client: receiver.id, name: receiver.name, remote: receiver.socket.remoteAddress };
    // One key for all: a thousand slow clients are one complaint, with a count.
    const all = { ...fields, why, unreadBytes, closedSinceStart: this.closed };
    this.#complain("slow subscriber", "a subscriber that does not read its messages was closed", all);
    receiver.kill();
  }
}
