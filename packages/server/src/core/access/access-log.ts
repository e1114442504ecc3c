import { ACL_LOG_ENTRIES_MAX } from "../base/index.ts";

/** Something that was refused, and how often within a short time. */
export interface AccessLogEntry {
  readonly id: number;
  readonly reason: "auth" | "command" | "key" | "channel";
  readonly context: "toplevel" | "multi";
  /** What was refused: a command, key or channel, or AUTH. */
  readonly object: string;
  readonly userName: string;
  readonly createdMs: number;
  /** Of the last time, as `count` and `client`. */
  updatedMs: number;
  count: number;
  client: string;
}

/** The same again within this time counts as one entry. */
const SAME_MS = 60_000;

/** What ACL LOG shows: the newest refusals of this node; and how many there were. */
export class AccessLog {
  readonly counts: Record<AccessLogEntry["reason"], number> = { auth: 0, command: 0, key: 0, channel: 0 };
  #entries: AccessLogEntry[] = [];
  #lastId = -1;

  /** Newest first. */
  get entries(): readonly AccessLogEntry[] {
    return this.#entries;
  }

  add(refused: Pick<AccessLogEntry, "reason" | "context" | "object" | "userName" | "client">, nowMs: number): void {
    this.counts[refused.reason] += 1;
    const at = this.#entries.findIndex(
      (entry) =>
        entry.reason === refused.reason &&
        entry.context === refused.context &&
        entry.object === refused.object &&
        entry.userName === refused.userName &&
        nowMs - entry.createdMs < SAME_MS,
    );
    const known = at < 0 ? undefined : this.#entries.splice(at, 1)[0];
    if (known !== undefined) {
      known.count += 1;
      known.updatedMs = nowMs;
      known.client = refused.client;
      this.#entries.unshift(known);
      return;
    }
    this.#lastId += 1;
    this.#entries.unshift({ ...refused, id: this.#lastId, createdMs: nowMs, updatedMs: nowMs, count: 1 });
    if (this.#entries.length > ACL_LOG_ENTRIES_MAX) this.#entries.pop();
  }

  reset(): void {
    this.#entries = [];
  }
}
