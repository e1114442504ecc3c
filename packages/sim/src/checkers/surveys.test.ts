import { expect, test } from "vitest";
import { Histories } from "./histories.ts";
import type { Operation } from "./history.ts";
import { checkSurveys } from "./surveys.ts";

/** One thing after the other, and what a survey may show then. */
class Script {
  #moment = 0;
  readonly #histories: Histories = new Histories(
    () => this.#moment,
    () => this.now(),
  );

  now(): number {
    this.#moment += 1;
    return this.#moment;
  }

  begin(kind: "set" | "del" | "get" | "incr", key: string, expiresMs?: number): Operation {
    return this.#histories.begin("c", key, { kind, keys: [key], expiresMs });
  }

  flush(): Operation {
    return this.#histories.beginFlush("c");
  }

  end(operation: Operation, outcome: "done" | "refused" | "unknown", result?: string | number | null): void {
    Object.assign(operation, { result: result ?? 1 });
    this.#histories.end(operation, outcome);
  }

  done(kind: "set" | "del" | "incr", key: string, expiresMs?: number): void {
    this.end(this.begin(kind, key, expiresMs), "done");
  }

  check(began: number, seen: readonly string[] | number): () => void {
    const histories = this.#histories.keys.map((key) => this.#histories.of(key));
    const shown = typeof seen === "number" ? seen : new Set(seen);
    return () => checkSurveys(histories, [{ client: "k", began, ended: this.now(), seen: shown }]);
  }
}

const UNSEEN = "SCAN did not see a key that was there all the while";
const GHOST = "SCAN saw a key that was not there";

test("a key that is there all the while is seen; one that is not is not", () => {
  const script = new Script();
  script.done("set", "a");
  script.done("incr", "n");
  script.done("set", "gone");
  script.done("del", "gone");
  const began = script.now();
  expect(script.check(began, ["a", "n"])).not.toThrow();
  expect(script.check(began, ["a"])).toThrow(`${UNSEEN}: n`);
  expect(script.check(began, ["a", "n", "gone"])).toThrow(`${GHOST}: gone`);
  expect(script.check(began, ["a", "n", "other"])).toThrow("SCAN saw other, which nobody wrote");
  expect(script.check(began, 2)).not.toThrow();
  expect(script.check(began, 1)).toThrow("DBSIZE is 1, but there are at least 2, at most 2");
  expect(script.check(began, 3)).toThrow("DBSIZE is 3");
});

test("writing a key that is there again changes nothing: it has to be seen", () => {
  const script = new Script();
  script.done("set", "a");
  const began = script.now();
  script.done("set", "a");
  script.end(script.begin("set", "a"), "unknown");
  expect(script.check(began, [])).toThrow(UNSEEN);
});

test("what is deleted, written, or may have been, meanwhile is seen or not", () => {
  for (const change of ["during", "unknown before", "open"] as const) {
    const script = new Script();
    script.done("set", "a");
    script.done("set", "b");
    script.done("del", "b");
    const early = change === "during" ? undefined : [script.begin("del", "a"), script.begin("set", "b")];
    if (change === "unknown before") for (const operation of early ?? []) script.end(operation, "unknown");
    const began = script.now();
    if (change === "during") {
      script.done("del", "a");
      script.done("set", "b");
    }
    for (const seen of [[], ["a"], ["b"], ["a", "b"], 0, 1, 2]) expect(script.check(began, seen)).not.toThrow();
    expect(script.check(began, 3)).toThrow("at least 0, at most 2");
  }
});

test("what was refused never happened", () => {
  const script = new Script();
  script.done("set", "a");
  script.end(script.begin("del", "a"), "refused");
  script.end(script.begin("set", "b"), "refused");
  const began = script.now();
  expect(script.check(began, [])).toThrow(UNSEEN);
  expect(script.check(began, ["a", "b"])).toThrow(GHOST);
});

test("a read says what there is, also behind a write that nobody knows the end of", () => {
  const script = new Script();
  script.done("set", "a", 50);
  expect(script.check(script.now(), [])).not.toThrow();
  script.end(script.begin("get", "a"), "done", null);
  // The value may have ended only once, but this checker does not follow values.
  expect(script.check(script.now(), ["a"])).not.toThrow();
  script.done("set", "b");
  script.end(script.begin("get", "b"), "done", "2");
  expect(script.check(script.now(), [])).toThrow(`${UNSEEN}: b`);
});

test("FLUSHALL ends all keys", () => {
  const script = new Script();
  script.done("set", "a");
  script.done("set", "b");
  const underway = script.flush();
  expect(script.check(script.now(), [])).not.toThrow();
  expect(script.check(script.now(), ["a", "b"])).not.toThrow();
  script.end(underway, "done");
  script.done("set", "b");
  const began = script.now();
  expect(script.check(began, ["b"])).not.toThrow();
  expect(script.check(began, ["a", "b"])).toThrow(`${GHOST}: a`);
  expect(script.check(began, [])).toThrow(`${UNSEEN}: b`);
});
