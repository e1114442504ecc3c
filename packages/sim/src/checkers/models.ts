import type { Operation } from "./history.ts";

/** How the operations of one history change a state and what they answer. States are never changed in place. */
export interface Model<State> {
  readonly initial: State;
  /** The state after it, or undefined when it could not have answered as it did. */
  step(state: State, operation: Operation): State | undefined;
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
