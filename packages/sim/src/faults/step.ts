/** A fault as it was drawn: everything that decides what it does, but for what it finds when it comes. */
export interface FaultStep {
  /** Its place in the schedule: the same in every run of the seed, whichever steps are left out. */
  readonly ordinal: number;
  /** Virtual time. */
  readonly atMs: number;
  readonly kind: string;
  /** Nodes by name, durations in milliseconds: plain JSON. */
  readonly parameters: Readonly<Record<string, FaultParameter>>;
}

export type FaultParameter = string | number | boolean | readonly string[] | readonly number[];
