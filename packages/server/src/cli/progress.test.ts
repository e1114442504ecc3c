import { expect, test } from "vitest";
import { startProgress } from "./progress.ts";

test("without a terminal: a line every tenth, with the rate of the last moments", () => {
  let nowMs = 0;
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
  const progress = startProgress("check", 1_000, output, () => nowMs);
  const at = (ms: number, done: number): void => {
    nowMs = ms;
    progress.update(done);
  };
  at(100, 50);
  at(1_000, 100);
  at(1_001, 101);
  at(2_000, 700);
  at(4_000, 1_000);
  progress.stop();
  expect(written).toEqual([
    "check: 10 % (100 of 1,000), 100 ops/s\n",
    "check: 70 % (700 of 1,000), 600 ops/s\n",
    "check: 100 % (1,000 of 1,000), 150 ops/s\n",
  ]);
});
