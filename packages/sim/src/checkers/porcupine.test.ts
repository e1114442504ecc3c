import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Command, checkKey, type Operation } from "./index.ts";
import { expiriesOf } from "./models.ts";
import { explainable, mutated, SUBJECTS } from "./testing/arbitrary.ts";

const directory = fileURLToPath(new URL("../../porcupine", import.meta.url));
const HISTORIES = 400;
/** The same histories every time; large enough that the searches have to go back. */
const SEED = 20_261_122;
const LENGTH_MAX = 16;

/** The program in ../../porcupine, or why it cannot be built here. */
function buildJudge(into: string): { readonly path: string } | { readonly missing: string } {
  const path = join(into, "porcupine");
  const built = spawnSync("go", ["build", "-o", path, "."], { cwd: directory, encoding: "utf8", timeout: 240_000 });
  if (built.error !== undefined) return { missing: `Go does not run here (${built.error.message})` };
  if (built.status === 0) return { path };
  // What does not compile is a failure; what cannot be fetched is a machine without the module proxy.
  if (/dial tcp|lookup |i\/o timeout|connection refused|disabled by GOPROXY|no such host/.test(built.stderr)) {
    return { missing: `Go cannot fetch Porcupine here:\n${built.stderr}` };
  }
  throw new Error(built.stderr);
}

/** Times as whole numbers in the same order: Porcupine takes no fractions. */
function asPorcupine(history: readonly Operation[]): string {
  const moments = history.flatMap(({ began, ended }) => [began, ended]).filter(Number.isFinite);
  const ranks = new Map([...new Set(moments)].sort((left, right) => left - right).map((time, at) => [time, at]));
  const matter = history.filter(({ outcome }) => outcome === "done" || outcome === "unknown");
  const operations = [...matter, ...expiriesOf(matter)].map((operation, client) => ({
    client,
    kind: operation.kind,
    ...(operation.kind === "expiry" ? { keys: ["k"], value: operation.value ?? "" } : partOf(operation)),
    began: ranks.get(operation.began),
    ended: ranks.get(operation.ended) ?? null,
    unknown: operation.outcome === "unknown",
  }));
  return JSON.stringify({ operations });
}

/** What is done and what it answered. */
function partOf(operation: Operation | Command): object {
  const { keys } = operation;
  if (operation.kind === "exec") {
    return { keys, number: operation.result, watched: operation.watched, commands: operation.commands.map(asCommand) };
  }
  const value = "value" in operation ? operation.value : "";
  const only = operation.kind === "set" ? (operation.only ?? "") : "";
  if (operation.kind === "mget") return { keys, value, only, texts: operation.result };
  return operation.kind === "get"
    ? { keys, value, only, text: operation.result }
    : { keys, value, only, number: operation.result };
}

const asCommand = (command: Command): object => ({ kind: command.kind, ...partOf(command) });

test("Porcupine gives the same verdicts", { timeout: 300_000 }, (context) => {
  const into = mkdtempSync(join(tmpdir(), "sherd-porcupine-"));
  try {
    const judge = buildJudge(into);
    if ("missing" in judge) {
      console.warn(`SKIPPED: the checkers are not compared with Porcupine. ${judge.missing}`);
      return context.skip(judge.missing);
    }
    const histories = SUBJECTS.flatMap((subject) => [
      ...fc.sample(explainable(subject, LENGTH_MAX), { numRuns: HISTORIES, seed: SEED }),
      ...fc.sample(mutated(subject, LENGTH_MAX), { numRuns: HISTORIES, seed: SEED }),
    ]);
    const input = `${histories.map(asPorcupine).join("\n")}\n`;
    const judged = spawnSync(judge.path, [], { input, encoding: "utf8", maxBuffer: 1 << 26, timeout: 240_000 });
    expect(judged.stderr).toBe("");
    const verdicts = judged.stdout.trimEnd().split("\n");
    expect(verdicts).toHaveLength(histories.length);
    histories.forEach((history, at) => {
      const ours = checkKey(history).linearizable ? "Ok" : "Illegal";
      expect(ours, asPorcupine(history)).toBe(verdicts[at]);
    });
    // Both kinds, and many of each, or the comparison shows nothing.
    for (const verdict of ["Ok", "Illegal"]) {
      expect(verdicts.filter((one) => one === verdict).length).toBeGreaterThan(histories.length / 10);
    }
  } finally {
    rmSync(into, { recursive: true, force: true });
  }
});
