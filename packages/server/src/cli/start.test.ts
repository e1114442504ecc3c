import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { checkClusterFile } from "../daemon/index.ts";
import { describeReady, selfCommand } from "./start.ts";

const file = checkClusterFile(
  {
    cluster: "a".repeat(40),
    shards: 5,
    replicas: 3,
    nodes: [1, 2, 3].map((n) => ({ name: `node-${n}`, host: `127.0.0.${n}` })),
  },
  "test",
);

test("what is printed can be pasted, however the program was called", () => {
  expect(selfCommand("/home/a/sherd/packages/server/dist/cli/main.js", "/home/a/sherd")).toBe(
    "node packages/server/dist/cli/main.js",
  );
  expect(selfCommand("/opt/sherd/dist/cli/main.js", "/home/a")).toBe("node /opt/sherd/dist/cli/main.js");
  const checkout = mkdtempSync(join(tmpdir(), "sherd-"));
  onTestFinished(() => rmSync(checkout, { recursive: true }));
  mkdirSync(join(checkout, "node_modules", ".bin"), { recursive: true });
  writeFileSync(join(checkout, "node_modules", ".bin", "sherd"), "");
  expect(selfCommand(join(checkout, "packages/server/dist/cli/main.js"), checkout)).toBe("npx sherd");
  expect(selfCommand("/usr/local/bin/sherd", "/home/a")).toBe("sherd");
});

test("a ready cluster says where it listens and what to try", () => {
  const text = describeReady(file, new Set(["node-1", "node-2", "node-3"]), 1_234, "sherd");
  expect(text.split("\n")[0]).toBe("Ready after 1.2 s.");
  expect(text).toContain("redis-cli -h 127.0.0.1 -p 6379 set greeting hello");
  expect(text).toContain("  sherd get greeting --host 127.0.0.1 --port 6379");
  expect(text).toContain("  sherd status --host 127.0.0.1 --http-port 7080");
});

test("with a node missing, the others are shown and used", () => {
  const text = describeReady(file, new Set(["node-2", "node-3"]), 1_000, "sherd");
  expect(text.split("\n")[0]).toBe("2 nodes of 3 serve.");
  expect(text).toContain("redis-cli -h 127.0.0.2");
  expect(describeReady(file, new Set(), 1_000, "sherd")).toBe("No node serves.");
});
