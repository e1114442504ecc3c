import type { Operation } from "./history.ts";

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
      default:
        throw new RangeError(`${operation.kind} is no operation of a register`);
    }
  },
};

type Values = ReadonlyMap<string, string>;

/** Keys of one slot that are used together, and writes with conditions. Keys that do not exist are not in the state. */
export const values: Model<Values> = {
  initial: new Map(),
  nameOf: (state) => JSON.stringify([...state].sort(([left], [right]) => (left < right ? -1 : 1))),
  overwrites: false,
  step(state, operation) {
    if (operation.kind === "expiry") throw new RangeError("keys that expire are judged as registers");
    const key = operation.keys[0] as string;
    switch (operation.kind) {
      case "set": {
        const fits = operation.only === undefined || (operation.only === "xx") === state.has(key);
        if (operation.outcome === "done" && operation.result !== (fits ? 1 : 0)) return undefined;
        return fits ? new Map(state).set(key, operation.value) : state;
      }
      case "get":
        return operation.result === (state.get(key) ?? null) ? state : undefined;
      case "exists":
        return operation.result === found(state, operation.keys) ? state : undefined;
      case "mset":
        return new Map([...state, ...operation.keys.map((name): [string, string] => [name, operation.value])]);
      case "mget":
        return operation.keys.every((name, at) => operation.result[at] === (state.get(name) ?? null))
          ? state
          : undefined;
      case "del": {
        if (operation.outcome === "done" && operation.result !== found(state, operation.keys)) return undefined;
        return new Map([...state].filter(([name]) => !operation.keys.includes(name)));
      }
      default:
        throw new RangeError(`${operation.kind} is no operation of this model`);
    }
  },
};

const found = (state: Values, keys: readonly string[]): number => keys.filter((key) => state.has(key)).length;
