import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RespError } from "@sherd/client";
import { expect, onTestFinished, test } from "vitest";
import { DISK_RESERVE_BYTES, LOG_SEGMENT_BYTES } from "../../packages/server/src/core/base/index.ts";
import { TestCluster } from "../harness/cluster.ts";
import { eventually } from "../harness/wait.ts";

const MIB = 1024 * 1024;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A small file system of its own, or why there cannot be one. */
function mountTmpfs(sizeBytes: number): { path: string } | { reason: string } {
  const path = mkdtempSync(join(tmpdir(), "sherd-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs", path], { encoding: "utf8" });
  if (mounted.status !== 0) {
    rmSync(path, { recursive: true });
    return { reason: mounted.error?.message ?? mounted.stderr.trim() };
  }
  onTestFinished(() => {
    spawnSync("umount", ["-l", path]);
    rmSync(path, { recursive: true, force: true });
  });
  return { path };
}

test("a nearly full disk refuses what adds data, takes deletes, and serves again when there is room", async (context) => {
  // Room for a few segments of the log, the reserve, and a little.
  const disk = mountTmpfs(DISK_RESERVE_BYTES + 6 * LOG_SEGMENT_BYTES);
  if ("reason" in disk) {
    console.warn(`full disk: not tested, a tmpfs cannot be mounted here (${disk.reason})`);
    return context.skip(disk.reason);
  }
  const data = join(disk.path, "data");
  mkdirSync(data);
  const cluster = await TestCluster.start({ nodes: 1, data });
  const connections = cluster.connect();
  expect(await connections.call(bytes("before"), ["SET", "before", "1"])).toBe("OK");

  const filler = join(disk.path, "filler");
  let chunks = 0;
  const refused = await eventually("a write to be refused", 60_000, async () => {
    // One megabyte at a time, up to where the node draws its line.
    writeFileSync(filler, new Uint8Array(MIB), { flag: "a" });
    chunks += 1;
    const reply = await connections.call(bytes("during"), ["SET", "during", `${chunks}`]);
    return reply instanceof RespError ? reply : undefined;
  });
  expect(refused.message).toMatch(/disk/i);
  expect(await connections.call(bytes("before"), ["GET", "before"])).toEqual(bytes("1"));
  expect(await connections.call(bytes("before"), ["DEL", "before"])).toBe(1);

  rmSync(filler);
  await eventually("writes to be taken again", 30_000, async () => {
    const reply = await connections.call(bytes("after"), ["SET", "after", "1"]);
    return reply === "OK" ? true : undefined;
  });
  await cluster.kill("node-1");
  await cluster.start("node-1");
  const again = cluster.connect();
  expect(await again.call(bytes("after"), ["GET", "after"])).toEqual(bytes("1"));
  expect(await again.call(bytes("before"), ["GET", "before"])).toBeNull();
});
