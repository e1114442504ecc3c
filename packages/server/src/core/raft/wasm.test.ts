import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error: a build script without types
import { currentRecord } from "../../../../raft-core/record.mjs";

test("the shipped raft-core.wasm was built from the crate's sources as they are", () => {
  const file = new URL("../../../wasm/raft-core.json", import.meta.url);
  const record: unknown = JSON.parse(readFileSync(file, "utf8"));
  // If this fails: packages/raft-core/build.sh, and commit what it writes.
  expect(currentRecord()).toEqual(record);
});
