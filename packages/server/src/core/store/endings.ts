import { SherdError } from "../base/index.ts";
import type { Engine, Env } from "../env/index.ts";
import { endingName, RowClass, type RowCodec, readEnding, rowKey, SYSTEM_SLOT } from "./layout.ts";
import type { MemorySpace } from "./memory-space.ts";
import { successor } from "./pages.ts";
import type { Ending } from "./types.ts";

/** Enough for a page of the longest keys. */
const PAGE_BYTES_MAX = 1 << 20;

/** Finds keys that have ended, by the index rows that each flush keeps (`Store.ended`). */
export class Endings {
  readonly #env: Env;
  readonly #engine: Engine;
  readonly #codec: RowCodec;

  constructor(env: Env, engine: Engine, codec: RowCodec) {
    this.#env = env;
    this.#engine = engine;
    this.#codec = codec;
  }

  find(
    space: MemorySpace,
    from: number | Ending,
    untilMs: number,
    keysMax: number,
    done: (endings: readonly Ending[]) => void,
  ): void {
    const rowOf = (name: string): Uint8Array => rowKey(space.id, SYSTEM_SLOT, RowClass.ending, name);
    const begin =
      typeof from === "number"
        ? rowOf(endingName(from, 0, ""))
        : successor(rowOf(endingName(from.endsAtMs, from.slot, from.key)));
    const to = rowOf(endingName(untilMs + 1, 0, ""));
    const limits = { rowsMax: keysMax, bytesMax: PAGE_BYTES_MAX, values: true };
    this.#engine.range({ from: begin, to, ...limits }, ({ rows, damaged }) => {
      if (space.state !== "live") return;
      const endings: Ending[] = [];
      for (const [key, value] of rows) {
        const ending = this.#codec.sound(key, value) ? readEnding(key) : undefined;
        if (ending === undefined) return this.#damaged(space);
        endings.push(ending);
      }
      if (damaged) return this.#damaged(space);
      done(endings);
    });
  }

  #damaged(space: MemorySpace): void {
    const { group, id } = space;
    const what = `The index of keys that end, of group ${group} (space ${id}), cannot be read.`;
    space.damaged(this.#env, new SherdError("SHERD_ROW_DAMAGED", what));
  }
}
