/** A promise of the store was broken (or the simulation could not show that it was kept). Ends the run. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Which promise, in a few words: runs of one bug share it. */
  readonly promise: string;
  readonly detail: string;
  /** The history that shows it, if one does, up to which moment. */
  readonly where: { readonly history: string; readonly moment: number } | undefined;

  constructor(promise: string, detail: string, options?: { cause?: unknown; where?: Violation["where"] }) {
    super(`${promise}: ${detail}`, options);
    this.promise = promise;
    this.detail = detail;
    this.where = options?.where;
  }
}
