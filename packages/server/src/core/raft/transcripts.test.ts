import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runTranscript } from "./testing/transcript.ts";

/** `UPDATE_TRANSCRIPTS=1` writes what the commands print now: read the difference before you commit it. */
const updating = process.env["UPDATE_TRANSCRIPTS"] === "1";
const folder = new URL("./transcripts/", import.meta.url);

for (const name of readdirSync(folder)) {
  test(`transcript ${name}`, () => {
    const file = new URL(name, folder);
    const expected = readFileSync(file, "utf8");
    const { actual } = runTranscript(expected);
    if (updating) writeFileSync(file, actual);
    else expect(actual).toBe(expected);
  });
}
