import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commandsPage, errorsPage } from "../../../../../scripts/generate-docs.mjs";
import { errorCatalogue } from "../base/index.ts";
import { allCommands, detailsOf } from "./index.ts";

const committed = (page: string): string =>
  readFileSync(new URL(`../../../../../docs/${page}`, import.meta.url), "utf8");

const REMEDY = "stale; run `node scripts/generate-docs.mjs`";

test("docs/commands.md is what the command table says", () => {
  expect(committed("commands.md"), REMEDY).toBe(commandsPage(allCommands, detailsOf));
});

test("docs/errors.md is what the error catalogue says", () => {
  expect(committed("errors.md"), REMEDY).toBe(errorsPage(errorCatalogue));
});
