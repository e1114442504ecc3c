import { SeededRandom } from "../random.ts";
import { type Answer, answerOf, describeAnswer, type KeyValueTarget } from "../target/index.ts";
import { Dictionary } from "./dictionary.ts";

/** Keys and values as in the original system's own check. */
const KEY_CHARACTERS = { min: 30, max: 50 } as const;
const VALUE_CHARACTERS = { min: 60, max: 100 } as const;

/** Upper ends of the rolls: put 0.15, delete 0.35, get of existing keys 0.4, get of missing keys 0.1. */
const PUT_BELOW = 0.15;
const DELETE_BELOW = 0.5;
const GET_BELOW = 0.9;

export interface CheckPlan {
  /** Puts into the empty store, and then as many random operations. */
  readonly iterations: number;
  readonly seed: number;
}

/** The first answer that differs from the dictionary's. */
export interface Difference {
  /** Counted from 1. */
  readonly operation: number;
  readonly action: string;
  readonly key: string;
  readonly expected: string;
  readonly got: string;
}

type Step =
  | { readonly action: "put"; readonly key: string; readonly value: string }
  | { readonly action: "delete" | "get" | "get of a missing key"; readonly key: string };

/**
 * One operation after the other, each answer compared before the next is sent. Returns the first difference; an error
 * answer is one, whatever its reason. The store must be empty.
 */
export async function runCheck(
  target: KeyValueTarget,
  plan: CheckPlan,
  onProgress: (operations: number) => void,
): Promise<Difference | undefined> {
  const random = new SeededRandom(plan.seed);
  const dictionary = new Dictionary();
  for (let operation = 1; operation <= plan.iterations * 2; operation += 1) {
    const step = operation <= plan.iterations ? putOfFreshKey(random, dictionary) : randomStep(random, dictionary);
    const answer = await perform(target, step);
    const expected = expectation(step, dictionary);
    if (!agrees(answer, expected)) {
      const { action, key } = step;
      return { operation, action, key, expected: describeAnswer(expected), got: describeAnswer(answer) };
    }
    if (step.action === "put") dictionary.put(step.key, step.value);
    else if (step.action === "delete") dictionary.delete(step.key);
    onProgress(operation);
  }
  return undefined;
}

const text = (random: SeededRandom, range: { min: number; max: number }): string =>
  random.text(random.between(range)).toString("latin1");

function freshKey(random: SeededRandom, dictionary: Dictionary): string {
  for (;;) {
    const key = text(random, KEY_CHARACTERS);
    if (!dictionary.has(key)) return key;
  }
}

function putOfFreshKey(random: SeededRandom, dictionary: Dictionary): Step {
  return { action: "put", key: freshKey(random, dictionary), value: text(random, VALUE_CHARACTERS) };
}

function randomStep(random: SeededRandom, dictionary: Dictionary): Step {
  const roll = random.unit();
  const existing = dictionary.randomKey(random);
  // With very few iterations everything may be deleted: then there is nothing to delete or to get.
  if (existing === undefined) return putOfFreshKey(random, dictionary);
  if (roll < PUT_BELOW) {
    // Every other put replaces a value: a store that keeps the old one must be caught.
    if (random.unit() < 0.5) return putOfFreshKey(random, dictionary);
    return { action: "put", key: existing, value: text(random, VALUE_CHARACTERS) };
  }
  if (roll < DELETE_BELOW) return { action: "delete", key: existing };
  if (roll < GET_BELOW) return { action: "get", key: existing };
  return { action: "get of a missing key", key: missingKey(random, dictionary) };
}

/** Half of them were there once: a store that brings deleted keys back must be caught. */
function missingKey(random: SeededRandom, dictionary: Dictionary): string {
  const deleted = random.unit() < 0.5 ? dictionary.randomDeleted(random) : undefined;
  return deleted !== undefined && !dictionary.has(deleted) ? deleted : freshKey(random, dictionary);
}

const bytesOf = (latin1: string): Buffer => Buffer.from(latin1, "latin1");

function perform(target: KeyValueTarget, step: Step): Promise<Answer> {
  const key = bytesOf(step.key);
  return answerOf((done) => {
    if (step.action === "put") target.put(key, bytesOf(step.value), done);
    else if (step.action === "delete") target.delete(key, done);
    else target.get(key, done);
  });
}

function expectation(step: Step, dictionary: Dictionary): Answer {
  if (step.action === "put") return { type: "stored" };
  if (step.action === "delete") return { type: "deleted", existed: true };
  const value = dictionary.get(step.key);
  return value === undefined ? { type: "missing" } : { type: "value", bytes: bytesOf(value) };
}

function agrees(answer: Answer, expected: Answer): boolean {
  if (answer.type === "value" && expected.type === "value") return Buffer.compare(answer.bytes, expected.bytes) === 0;
  // gRPC does not tell whether the key was there.
  if (answer.type === "deleted") return expected.type === "deleted" && answer.existed !== false;
  return answer.type === expected.type;
}
