/** Events kept for the report of a failure: what a broken history is about may lie far before its discovery. */
const LAST_EVENTS = 10_000;

/**
 * Everything that happens, as one hash: two runs of one seed that differ anywhere differ in it. The last events are kept
 * as text.
 */
export class Trace {
  #low = 0x811c_9dc5 | 0;
  #high = 0x1234_5677 | 0;
  #events = 0;
  readonly #last: string[] = [];
  readonly #print: ((line: string) => void) | undefined;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number, print: ((line: string) => void) | undefined) {
    this.#nowMs = nowMs;
    this.#print = print;
  }

  get events(): number {
    return this.#events;
  }

  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }

  get last(): readonly string[] {
    return this.#last.slice(-LAST_EVENTS);
  }

  /** Something that a reader of a failure wants to see. */
  event(text: string): void {
    const line = `${this.#nowMs().toFixed(3).padStart(11)} ${text}`;
    this.#mixText(line);
    this.#events += 1;
    this.#last.push(line);
    if (this.#last.length > 2 * LAST_EVENTS) this.#last.splice(0, LAST_EVENTS);
    this.#print?.(line);
  }

  /** Something too frequent to be shown: it counts for the hash. */
  mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x0100_0193);
    this.#high = Math.imul(this.#high ^ word, 0x85eb_ca6b) ^ (this.#low >>> 15);
  }

  #mixText(text: string): void {
    for (let at = 0; at < text.length; at += 1) this.mix(text.charCodeAt(at));
  }
}
