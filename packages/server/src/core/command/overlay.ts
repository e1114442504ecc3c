import { assert, type Slot } from "../base/index.ts";
import type { Row, RowHead } from "../store/index.ts";
import type { CommandContext } from "./types.ts";

/** The rows of one slot with changes that are not yet made: all or none of them will be. */
export class Overlay implements CommandContext {
  readonly nowMs: number;
  readonly version: number;
  readonly #under: CommandContext;
  readonly #slot: Slot;
  /** Null: deleted. */
  readonly #changes: Map<string, Row | null> = new Map();
  /** Of the values that the changed rows have. */
  bytes = 0;

  constructor(under: CommandContext, slot: Slot) {
    this.#under = under;
    this.#slot = slot;
    this.nowMs = under.nowMs;
    this.version = under.version;
  }

  get(slot: Slot, key: string): Row | null | undefined {
    assert(slot === this.#slot, "a transaction is in one slot");
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#under.get(slot, key) : changed;
  }

  head(slot: Slot, key: string): RowHead | null | undefined {
    assert(slot === this.#slot, "a transaction is in one slot");
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#under.head(slot, key) : changed;
  }

  put(_slot: Slot, key: string, row: Row): void {
    const { payload } = row;
    // A later command may answer with these bytes, and the reply outlives the entry that they came with. A value that was
    // made by a command, or stands in a row, is no view of it.
    const kept = payload.length === payload.buffer.byteLength ? payload : payload.slice();
    this.#change(key, { ...row, payload: kept });
  }

  #change(key: string, row: Row | null): void {
    this.bytes += (row?.payload.length ?? 0) - (this.#changes.get(key)?.payload.length ?? 0);
    this.#changes.set(key, row);
  }

  delete(slot: Slot, key: string): boolean {
    const before = this.head(slot, key);
    assert(before !== undefined, "a row is resident when a command deletes it");
    this.#change(key, null);
    return before !== null;
  }

  latin1(bytes: Uint8Array): string {
    return this.#under.latin1(bytes);
  }

  lengthOf(slot: Slot, key: string): number | undefined {
    const changed = this.#changes.get(key);
    return changed === undefined ? this.#under.lengthOf(slot, key) : (changed?.payload.length ?? 0);
  }

  worked(bytes: number): void {
    this.#under.worked(bytes);
  }

  commit(): void {
    for (const [key, row] of this.#changes) {
      if (row === null) this.#under.delete(this.#slot, key);
      else this.#under.put(this.#slot, key, row);
    }
  }
}
