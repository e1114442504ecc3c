import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../harness/foreign.ts";
import { freePorts } from "../harness/ports.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sherd-embedded-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test("the example counts its runs and ends by itself", async () => {
  const data = join(newDirectory(), "data");
  const ports = (await freePorts(5)).map(String);
  for (const count of [1, 2]) {
    const { code, output } = await run(execPath, [here("../../examples/embedded/main.mjs"), data, ...ports]);
    expect(output).toBe(
      `node-1 is ready with 2 groups; this is run ${count}.\nNothing is left of the store but its files.\n`,
    );
    expect(code).toBe(0);
  }
});

test("a node that is embedded starts, fails, closes and starts again, and leaves nothing", async () => {
  const ports = (await freePorts(25)).map(String);
  const { code, output } = await run(execPath, [here("programs/embedded.mjs"), newDirectory(), ...ports]);
  expect(output.split("\n").filter((line) => line !== "")).toEqual([
    "misspelled: SHERD_CONFIG_INVALID",
    "without data: SHERD_CONFIG_INVALID",
    "a port that is taken: SHERD_ADDRESS_IN_USE",
    "first: ready",
    "the directory is taken: SHERD_DATA_IN_USE",
    "second: kept",
    "after close: SHERD_NODE_FAILED",
    "cluster of three: written and read",
    "fatal: SHERD_DATA_EMPTIED",
    "damaged: SHERD_STORE_DAMAGED",
    "over",
  ]);
  expect(code).toBe(0);
});
