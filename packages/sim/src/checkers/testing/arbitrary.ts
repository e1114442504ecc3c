import fc from "fast-check";
import type { Operation, Outcome } from "../index.ts";
import {
  append,
  del,
  exec,
  exists,
  flush,
  get,
  incr,
  mget,
  mset,
  never,
  parts,
  set,
  setEnding,
  setIf,
} from "./operations.ts";

/** What a history is about: which operations it may have. */
export type Subject = "register" | "ending register" | "slot" | "counter" | "list";
export const SUBJECTS: readonly Subject[] = ["register", "ending register", "slot", "counter", "list"];

interface Step {
  /** Chooses the operation. */
  readonly kind: number;
  /** Chooses keys. */
  readonly keys: number;
  readonly before: number;
  readonly behind: number;
  readonly outcome: Outcome;
  /** Whether one whose outcome is unknown takes effect. */
  readonly effective: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(11),
  keys: fc.nat(6),
  before: fc.integer({ min: 1, max: 40 }),
  behind: fc.integer({ min: 1, max: 40 }),
  outcome: fc.constantFrom<Outcome>("done", "done", "done", "unknown", "refused"),
  effective: fc.boolean(),
});

const SLOT_KEYS = ["{tag}a", "{tag}b"] as const;
const PIECE = 3;
/** What values begin with that end by themselves. */
const ENDING = "e";

/**
 * Every operation takes effect at one moment within its bounds (unknown ones perhaps, refused ones not): linearizable by
 * construction.
 */
export const explainable = (subject: Subject, lengthMax: number): fc.Arbitrary<Operation[]> =>
  fc.array(step, { maxLength: lengthMax, size: "max" }).map((steps) => {
    const state = new Map<string, string>();
    return steps.map((one, at) => operationOf(subject, state, one, at));
  });

function operationOf(subject: Subject, state: Map<string, string>, one: Step, at: number): Operation {
  const moment = at * 10;
  // Thousandths: no two bounds are at one moment.
  const began = moment - one.before + at / 1000;
  const reads = one.kind % 2 === 0;
  const outcome = reads ? "done" : one.outcome;
  const ended = outcome === "unknown" ? never : moment + one.behind + at / 1000;
  const effective = outcome === "done" || (outcome === "unknown" && one.effective);
  if (subject === "counter" || subject === "list") {
    const key = "k";
    if (reads) return get(began, ended, state.get(key) ?? null);
    if (subject === "counter") {
      const next = Number(state.get(key) ?? "0") + 1;
      if (effective) state.set(key, String(next));
      return incr(began, ended, next, outcome);
    }
    const piece = String(at).padStart(PIECE, "0");
    const next = (state.get(key) ?? "") + piece;
    if (effective) state.set(key, next);
    return append(began, ended, piece, next.length, outcome);
  }
  const keys = subject === "slot" ? [...SLOT_KEYS] : ["k"];
  const some = subject !== "slot" || one.keys > 3 ? keys : [keys[one.keys % 2] as string];
  const first = [some[0] as string];
  if (state.get("k")?.startsWith(ENDING) && one.before % 3 === 0) state.delete("k");
  const found = some.filter((key) => state.has(key)).length;
  const has = state.has(first[0] as string);
  if (one.kind === 2) return exists(began, ended, found, some);
  if (one.kind === 4 && subject === "slot") {
    return mget(
      began,
      ended,
      some.map((key) => state.get(key) ?? null),
      some,
    );
  }
  if (reads) return get(began, ended, state.get(first[0] as string) ?? null, first);
  if (one.kind === 7 && one.keys > 2) {
    if (effective) state.clear();
    return flush(began, ended, outcome);
  }
  if (one.kind === 11 && subject === "slot") return execOf(state, one, `v${at}`, { began, ended, outcome, effective });
  if (one.kind === 9 && subject === "slot") {
    if (effective) for (const key of some) state.set(key, `v${at}`);
    return mset(began, ended, `v${at}`, some, outcome);
  }
  if (one.kind === 1) {
    if (effective) for (const key of some) state.delete(key);
    return del(began, ended, found, outcome, some);
  }
  if (subject === "ending register" && one.keys % 2 === 0) {
    const value = `${ENDING}${at}`;
    if (effective) state.set("k", value);
    return setEnding(began, ended, value, outcome);
  }
  const value = `v${at}`;
  if (subject === "slot" && one.kind > 4) {
    const only = one.keys % 2 === 0 ? "nx" : "xx";
    const fits = (only === "xx") === has;
    if (effective && fits) state.set(first[0] as string, value);
    return setIf(began, ended, only, first, value, fits ? 1 : 0, outcome);
  }
  if (effective) state.set(first[0] as string, value);
  return set(began, ended, value, outcome, [], first);
}

interface Times {
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
  readonly effective: boolean;
}

/** Sets one key and reads both; watches one of them or none, which has changed or not. */
function execOf(
  state: Map<string, string>,
  one: Step,
  value: string,
  { began, ended, outcome, effective }: Times,
): Operation {
  const [key, other] = SLOT_KEYS;
  const set = one.keys % 2 === 0 ? key : other;
  const changed = one.keys === 5 && state.has(key);
  const watched: Record<string, string | null> = {};
  if (one.keys > 3) watched[key] = changed ? "another" : (state.get(key) ?? null);
  const after = new Map(state).set(set, value);
  const seen = SLOT_KEYS.map((name) => after.get(name) ?? null);
  if (effective && !changed) state.set(set, value);
  return exec(began, ended, [parts.set(set, value), parts.mget(SLOT_KEYS, seen)], watched, changed ? 0 : 1, outcome);
}

/** One that may be wrong: something of an explainable one was changed. */
export const mutated = (subject: Subject, lengthMax: number): fc.Arbitrary<Operation[]> =>
  fc
    .tuple(
      explainable(subject, lengthMax),
      fc.array(fc.tuple(fc.nat(), fc.nat(5), fc.nat()), { minLength: 2, maxLength: 6 }),
    )
    .map(([history, mutations]) => mutations.reduce(mutate, history));

function mutate(history: readonly Operation[], [which, how, other]: [number, number, number]): Operation[] {
  const at = which % Math.max(1, history.length);
  const operation = history[at];
  const another = history[other % Math.max(1, history.length)];
  if (operation === undefined || another === undefined) return [...history];
  const changed = mutateOne(operation, another, how, other);
  return history.flatMap((one, place) => (place === at ? changed : one));
}

function mutateOne(operation: Operation, another: Operation, how: number, other: number): Operation[] {
  const span = operation.ended - operation.began;
  switch (how) {
    // It is not there.
    case 0:
      return [];
    // It happened at another time.
    case 1: {
      const began = operation.began + (other % 5) * 17.0001;
      return [{ ...operation, began, ended: began + span }];
    }
    // It took no time.
    case 2:
      return [Number.isFinite(span) ? { ...operation, ended: operation.began + 0.0001 } : operation];
    // It saw what another saw, or something near.
    case 3:
      if (operation.kind === "get") return [{ ...operation, result: another.kind === "get" ? another.result : null }];
      // A SET without a condition has one answer only.
      if (operation.kind === "mset" || (operation.kind === "set" && operation.only === undefined)) return [operation];
      if (operation.kind === "mget") return [{ ...operation, result: operation.result.toReversed() }];
      if (operation.kind === "exec") return [{ ...operation, result: 1 - operation.result }];
      return [{ ...operation, result: Math.max(0, operation.result + 1 - (other % 3)) }];
    // It was not refused, or is not known not to be.
    case 4:
      return [operation.outcome === "refused" ? { ...operation, outcome: "done" } : operation];
    default:
      return [
        operation.outcome === "unknown" ? { ...operation, outcome: "refused", ended: operation.began + 1 } : operation,
      ];
  }
}
