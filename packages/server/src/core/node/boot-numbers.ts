/**
 * A peer may answer what an earlier process of this node asked: numbers are not used again by later processes. They last
 * for a week of 100,000 a second; after 131,072 starts they begin again, which is far from what a peer may still answer.
 */
const NUMBERS_PER_BOOT = 2 ** 36;
const BOOTS = 2 ** 17;

/** Numbers for what a node asks and proposes: each is used once. */
export class BootNumbers {
  readonly #boot: number;
  #number = 0;

  constructor(bootCounter: number) {
    this.#boot = bootCounter % BOOTS;
  }

  next(): number {
    this.#number += 1;
    return this.#boot * NUMBERS_PER_BOOT + this.#number;
  }
}
