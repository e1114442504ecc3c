import { expect, test } from "vitest";
import { type EmbeddedOptions, startNode } from "./index.ts";

test.each([
  ["undefined", undefined],
  ["null", null],
  ["a path", "./data"],
])("options that are none are refused with a code: %s", async (_, options) => {
  await expect(startNode(options as unknown as EmbeddedOptions)).rejects.toMatchObject({
    code: "SHERD_CONFIG_INVALID",
    detail: expect.stringContaining('{ data: "./data" }'),
  });
});
