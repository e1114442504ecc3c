import { Violation } from "../world/index.ts";
import type { Operation } from "./history.ts";

/** A read of a READONLY connection: of the replica on its node, however old. */
export interface StaleRead {
  /** One connection to one process. */
  readonly connection: string;
  readonly key: string;
  readonly value: string | null;
  readonly began: number;
  readonly ended: number;
}

/**
 * What READONLY connections are promised, and no more: a value that somebody wrote before the read ended and that was
 * not refused; and time that does not go back within a connection. That holds for reads one behind the other: of a value
 * that was certainly overwritten before the one seen earlier was written nothing comes back.
 */
export function checkStaleReads(key: string, history: readonly Operation[], reads: readonly StaleRead[]): void {
  const writes = new Map<string, Operation>();
  for (const operation of history) if (operation.kind === "set") writes.set(operation.value, operation);
  const deletes = history.filter(({ kind, outcome }) => (kind === "del" || kind === "flush") && outcome !== "refused");
  const newest = new Map<string, { readonly read: StaleRead; readonly write: Operation | undefined }>();
  for (const read of [...reads].sort((left, right) => left.began - right.began)) {
    const fail = (detail: string): never => refuse(`${key}: ${detail}`, { history: key, moment: read.ended });
    const write = read.value === null ? undefined : writes.get(read.value);
    if (read.value !== null && write === undefined) fail(`${read.value} was read, which nobody wrote`);
    if (write !== undefined && (write.began > read.ended || write.outcome === "refused")) {
      fail(`${read.value} was read, but its write was ${write.outcome} or came later`);
    }
    const before = newest.get(read.connection);
    if (before !== undefined && before.read.ended < read.began) {
      if (write !== undefined && before.write !== undefined && write.ended < before.write.began) {
        fail(`${read.connection} read ${before.read.value}, then the older ${read.value}`);
      }
      const since = before.write?.began ?? 0;
      const deleted = deletes.some(({ began, ended }) => began < read.ended && ended > since);
      if (write === undefined && before.write !== undefined && !deleted) {
        fail(`${read.connection} read ${before.read.value}, then nothing, and nobody had deleted it since`);
      }
    }
    if (write !== undefined) newest.set(read.connection, { read, write });
  }
}

function refuse(detail: string, where: Violation["where"]): never {
  throw new Violation("READONLY reads what was written, and never back in time", detail, { where });
}
