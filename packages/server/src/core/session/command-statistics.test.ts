import { expect, test } from "vitest";
import { utf8Bytes } from "../base/index.ts";
import { type CommandSpec, commandByName, transactions } from "../command/index.ts";
import { CommandStatistics, resultOfError } from "./command-statistics.ts";

const command = (name: string): CommandSpec => commandByName(utf8Bytes(name)) as CommandSpec;
const config = command("config").subcommands?.find(({ name }) => name === "config|get") as CommandSpec;

function summary(statistics: CommandStatistics): unknown[] {
  const lines: unknown[] = [];
  statistics.forEach(({ name, calls, failed, rejected, durations }) =>
    lines.push([name, calls, failed, rejected, durations.sumUs]),
  );
  return lines;
}

test("calls, failures and rejections of each command, and the time of what was run", () => {
  const statistics = new CommandStatistics();
  statistics.record(command("set"), "ok", 100);
  statistics.record(command("set"), "failed", 20);
  statistics.record(command("set"), "rejected", 5_000);
  statistics.record(command("ping"), "ok", 0);
  statistics.record(config, "ok", 7);
  expect(summary(statistics)).toEqual([
    ["config|get", 1, 0, 0, 7],
    ["ping", 1, 0, 0, 0],
    ["set", 2, 1, 1, 120],
  ]);
  expect(statistics.get("set")?.durations.count).toBe(2);
});

test("EXEC is one command, whatever it is on its shard", () => {
  const statistics = new CommandStatistics();
  statistics.record(transactions.read, "ok", 1);
  statistics.record(transactions.write, "ok", 2);
  statistics.record(transactions.read, "ok", 3);
  expect(summary(statistics)).toEqual([["exec", 3, 0, 0, 6]]);
});

test("what happened since an earlier copy; the statistics themselves never go back", () => {
  const statistics = new CommandStatistics();
  statistics.record(command("get"), "ok", 3);
  statistics.recordError("WRONGTYPE");
  statistics.unknown += 1;
  const earlier = statistics.since(new CommandStatistics());
  const nothing = statistics.since(earlier);
  expect([summary(nothing), nothing.errors.size, nothing.unknown]).toEqual([[], 0, 0]);
  statistics.record(command("get"), "ok", 4);
  statistics.record(command("set"), "failed", 1);
  statistics.recordError("WRONGTYPE");
  const since = statistics.since(earlier);
  expect(summary(since)).toEqual([
    ["get", 1, 0, 0, 4],
    ["set", 1, 1, 0, 1],
  ]);
  expect([...since.errors]).toEqual([["WRONGTYPE", 1]]);
  expect(summary(statistics)).toEqual([
    ["get", 2, 0, 0, 7],
    ["set", 1, 1, 0, 1],
  ]);
});

test("errors are counted by their first word, and there is an end to the words", () => {
  const statistics = new CommandStatistics();
  for (let n = 0; n < 1_000; n += 1) statistics.recordError(`E${n}`);
  statistics.recordError("E0");
  expect(statistics.errors.get("E0")).toBe(2);
  expect(statistics.errors.size).toBe(128);
  expect([resultOfError("MOVED"), resultOfError("WRONGTYPE"), resultOfError("INDETERMINATE")]).toEqual([
    "rejected",
    "failed",
    "failed",
  ]);
});
