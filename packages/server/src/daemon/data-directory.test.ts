import { chmodSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseClusterFile } from "./cluster-file.ts";
import { openDataDirectory } from "./data-directory.ts";

const FILE = parseClusterFile(
  JSON.stringify({ cluster: "a".repeat(40), shards: 1, replicas: 1, nodes: [{ name: "a", host: "127.0.0.1" }] }),
  "cluster.json",
);

test("other users of the machine cannot read values and hashes of passwords, unless the administrator lets them", async () => {
  const parent = mkdtempSync(join(tmpdir(), "sherd-"));
  onTestFinished(() => rmSync(parent, { recursive: true }));
  const path = join(parent, "a");
  await (await openDataDirectory(path, FILE, "a")).release();
  expect(statSync(path).mode & 0o777).toBe(0o700);
  // A group that collects logs, say.
  chmodSync(path, 0o750);
  await (await openDataDirectory(path, FILE, "a")).release();
  expect(statSync(path).mode & 0o777).toBe(0o750);
});
