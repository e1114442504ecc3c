import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { groupId, nodeId, SherdError } from "../core/base/index.ts";
import type { Env } from "../core/env/index.ts";
import { LOG_FILE_BYTES_MAX, LOG_FILES_MAX } from "./limits.ts";
import { envOf, logTo, openNodeLog } from "./node-log.ts";

const id = nodeId("a".repeat(40));

test("a log grows over starts, is rotated by size, and keeps a bounded number of files", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-log-"));
  try {
    const filler = "x".repeat(1024 * 1024);
    const rounds = Math.ceil((LOG_FILE_BYTES_MAX / filler.length) * (LOG_FILES_MAX + 2));
    for (let start = 0; start < 4; start += 1) {
      const log = openNodeLog({ directory, name: "a", id, level: "info", echo: false });
      log.logger.info({ start }, "started");
      for (let i = 0; i < rounds / 4; i += 1) log.logger.info(filler);
      log.logger.debug("below the level");
      await log.close();
    }
    const names = readdirSync(directory).filter((name) => name.startsWith("node.log"));
    expect(names).toContain("node.log");
    expect(names.length).toBeGreaterThan(2);
    expect(names.length).toBeLessThanOrEqual(LOG_FILES_MAX + 1);
    for (const name of names) {
      expect(statSync(join(directory, name)).size).toBeLessThan(LOG_FILE_BYTES_MAX + 2 * filler.length);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("every line is JSON and says when, how bad, which node, which part of it, and which shard where there is one", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-log-"));
  try {
    const log = openNodeLog({ directory, name: "a", id, level: "info", echo: false, quiet: true });
    const env = { log: logTo(log.logger) } as Env;
    log.process.info({ pid: 1 }, "starting");
    env.log("info", "a leader is known");
    envOf("log", env).log("warn", "a write is slow", { runningMs: 7 });
    env.log("error", "replica stopped", { group: groupId(3), code: "SHERD_ROW_DAMAGED" });
    env.log("info", "the map changed", { group: groupId(0) });
    env.log("debug", "below the level");
    await log.close();
    log.lastWords("stopped by an error", new SherdError("SHERD_DISK_FULL", "There is no room."));
    const lines = readFileSync(join(directory, "node.log"), "utf8").trim().split("\n");
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { time, node, id: said } of parsed) {
      expect([node, said]).toEqual(["a", id]);
      expect(new Date(time as string).toISOString()).toBe(time);
    }
    expect(parsed.map(({ level, component, shard, code, msg }) => [level, component, shard, code, msg])).toEqual([
      ["info", "process", undefined, undefined, "starting"],
      ["info", "node", undefined, undefined, "a leader is known"],
      ["warn", "log", undefined, undefined, "a write is slow"],
      ["error", "node", 3, "SHERD_ROW_DAMAGED", "replica stopped"],
      ["info", "node", "meta", undefined, "the map changed"],
      ["fatal", "process", undefined, "SHERD_DISK_FULL", "stopped by an error"],
    ]);
    for (const line of lines) expect(line.split('"component"')).toHaveLength(2);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("last words are in the file when the call returns, behind what earlier starts wrote", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-log-"));
  try {
    const first = openNodeLog({ directory, name: "a", id, level: "info", echo: false });
    first.logger.info("first start");
    await first.close();
    const second = openNodeLog({ directory, name: "a", id, level: "info", echo: false });
    second.lastWords("stopped by an error", new Error("the reason"));
    const lines = readFileSync(join(directory, "node.log"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map((line) => line.msg)).toEqual(["first start", "stopped by an error"]);
    expect(lines[1].err).toContain("the reason");
    await second.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
