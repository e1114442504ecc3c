import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LOG_FILE_BYTES_MAX, LOG_FILES_MAX } from "./limits.ts";
import { openNodeLog } from "./node-log.ts";

test("a log grows over starts, is rotated by size, and keeps a bounded number of files", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-log-"));
  try {
    const filler = "x".repeat(1024 * 1024);
    const rounds = Math.ceil((LOG_FILE_BYTES_MAX / filler.length) * (LOG_FILES_MAX + 2));
    for (let start = 0; start < 4; start += 1) {
      const log = openNodeLog({ directory, name: "a", level: "info", echo: false });
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

test("last words are in the file when the call returns, behind what earlier starts wrote", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sherd-log-"));
  try {
    const first = openNodeLog({ directory, name: "a", level: "info", echo: false });
    first.logger.info("first start");
    await first.close();
    const second = openNodeLog({ directory, name: "a", level: "info", echo: false });
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
