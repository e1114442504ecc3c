/** A promise of the code to itself was broken. The process must end: running on could lose or invent data. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** Assertions stay on in production. `message` says what must hold, not what went wrong. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(`invariant violated: ${message}`);
}

/** Marks a branch that the types exclude. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}
