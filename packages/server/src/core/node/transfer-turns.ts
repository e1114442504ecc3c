import type { Replica } from "../replica/index.ts";

type Direction = "send" | "receive";

/** One snapshot is sent, and one received, at a time: which replica's turn it is. */
export class TransferTurns {
  readonly #holders: Record<Direction, Replica | undefined> = { send: undefined, receive: undefined };

  /** False: another replica has it. */
  claim(direction: Direction, replica: Replica): boolean {
    const holder = this.#holders[direction];
    if (holder !== undefined && holder !== replica) return false;
    this.#holders[direction] = replica;
    return true;
  }

  release(direction: Direction, replica: Replica): void {
    if (this.#holders[direction] === replica) this.#holders[direction] = undefined;
  }
}
