import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MARKS, mark, observeMarks } from "sherd/core/base";
import { expect, test } from "vitest";

const core = fileURLToPath(new URL("../../server/src/core", import.meta.url));

/** Names in the calls of `mark` in core's sources: both of a choice between two. */
function placed(): string[] {
  const files = readdirSync(core, { recursive: true, encoding: "utf8" });
  return files
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.endsWith("base/marks.ts"))
    .flatMap((name) => [...readFileSync(`${core}/${name}`, "utf8").matchAll(/\bmark\(([^;]*)\);/g)])
    .flatMap(([, argument = ""]) => [...argument.matchAll(/"([^"]+)"/g)].map(([, name]) => name as string));
}

test("every mark that is declared is placed, once, and every one that is placed is declared", () => {
  expect(placed().sort()).toEqual([...MARKS].sort());
});

test("marks are told to whoever observes, and to nobody otherwise", () => {
  const seen: string[] = [];
  observeMarks((name) => seen.push(name));
  mark("session: gap");
  observeMarks(undefined);
  mark("session: unknown");
  expect(seen).toEqual(["session: gap"]);
});
