import type { Command, ExecOperation, Operation } from "./history.ts";

/**
 * The end of a value that was set with a time to live: it may come at any moment after its SET, or never. (When exactly is
 * not judged: log time follows the leaders' clocks, which jump here. That it never comes back is.)
 */
export interface Expiry {
  readonly kind: "expiry";
  readonly outcome: "unknown";
  /** The value that ends; null: whatever there is, by a SET whose own outcome is not known. */
  readonly value: string | null;
  readonly began: number;
  readonly ended: number;
  readonly behind: readonly [];
}

export type Step = Operation | Expiry;

/** What may end by itself, of a history. */
export function expiriesOf(history: readonly Operation[]): Expiry[] {
  return history.flatMap((operation): Expiry[] => {
    if (operation.kind !== "set" || operation.expiresMs === undefined || operation.outcome === "refused") return [];
    const { began } = operation;
    const of = (value: string | null): Expiry => ({
      kind: "expiry",
      outcome: "unknown",
      value,
      began,
      ended: Number.POSITIVE_INFINITY,
      behind: [],
    });
    return operation.outcome === "done" ? [of(operation.value)] : [of(operation.value), of(null)];
  });
}

/** How the operations of one history change a state and what they answer. States are never changed in place. */
export interface Model<State> {
  readonly initial: State;
  /** The state after it, or undefined when it could not have answered as it did. */
  step(state: State, operation: Step): State | undefined;
  /** The same for equal states, and no other. */
  nameOf(state: State): string;
  /**
   * Whether a write makes the state what it is by itself, whatever was before, or not at all when its own condition does
   * not hold. Then an unseen write matters only to the operation directly behind it. False: any may matter at any place.
   */
  readonly overwrites: boolean;
}

/** The key's value; null: there is none. */
export const register: Model<string | null> = {
  initial: null,
  nameOf: (state) => (state === null ? "" : `=${state}`),
  overwrites: true,
  step(state, operation) {
    switch (operation.kind) {
      case "set":
        return operation.value;
      case "expiry":
        return operation.value === null || operation.value === state ? null : state;
      case "get":
        return operation.result === state ? state : undefined;
      case "exists":
        return operation.result === (state === null ? 0 : 1) ? state : undefined;
      case "del":
        return operation.outcome !== "done" || operation.result === (state === null ? 0 : 1) ? null : undefined;
      case "flush":
        return null;
      default:
        throw new RangeError(`${operation.kind} is no operation of a register`);
    }
  },
};

type Values = ReadonlyMap<string, string>;

/** Keys of one slot that are used together, writes with conditions, and transactions. The state has the keys that exist. */
export const values: Model<Values> = {
  initial: new Map(),
  nameOf: (state) => JSON.stringify([...state].sort(([left], [right]) => (left < right ? -1 : 1))),
  overwrites: false,
  step(state, operation) {
    if (operation.kind === "expiry") throw new RangeError("keys that expire are judged as registers");
    const answered = operation.outcome === "done";
    return operation.kind === "exec" ? stepExec(state, operation, answered) : stepValues(state, operation, answered);
  },
};

/** `answered`: its answer is known, and must be the one that it has in this state. */
function stepValues(state: Values, command: Command, answered: boolean): Values | undefined {
  const key = command.keys[0] as string;
  switch (command.kind) {
    case "set": {
      const fits = command.only === undefined || (command.only === "xx") === state.has(key);
      if (answered && command.result !== (fits ? 1 : 0)) return undefined;
      return fits ? new Map(state).set(key, command.value) : state;
    }
    case "get":
      return !answered || command.result === (state.get(key) ?? null) ? state : undefined;
    case "exists":
      return !answered || command.result === found(state, command.keys) ? state : undefined;
    case "mset":
      return new Map([...state, ...command.keys.map((name): [string, string] => [name, command.value])]);
    case "mget":
      return !answered || command.keys.every((name, at) => command.result[at] === (state.get(name) ?? null))
        ? state
        : undefined;
    case "del": {
      if (answered && command.result !== found(state, command.keys)) return undefined;
      return new Map([...state].filter(([name]) => !command.keys.includes(name)));
    }
    case "flush":
      return new Map();
    case "incr": {
      const count = Number(state.get(key) ?? "0") + 1;
      return answered && command.result !== count ? undefined : new Map(state).set(key, String(count));
    }
    default:
      throw new RangeError(`${command.kind} is no operation of this model`);
  }
}

/** All of it at one moment, at which nothing watched has changed; or, then, nothing. */
function stepExec(state: Values, { commands, watched, result }: ExecOperation, answered: boolean): Values | undefined {
  if (answered && result === 0) return state;
  // A key that is absent counts as unchanged since it was absent before (docs/compatibility.md), what was read meanwhile
  // notwithstanding.
  const unchanged = watched.every(({ key, value }) => !state.has(key) || state.get(key) === value);
  if (!unchanged) return answered ? undefined : state;
  let after: Values | undefined = state;
  for (const command of commands) {
    after = stepValues(after, command, answered);
    if (after === undefined) return undefined;
  }
  return after;
}

const found = (state: Values, keys: readonly string[]): number => keys.filter((key) => state.has(key)).length;
