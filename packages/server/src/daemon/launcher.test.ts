import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { checkClusterFile } from "./cluster-file.ts";
import { Launcher } from "./launcher.ts";

const file = checkClusterFile(
  {
    cluster: "d".repeat(40),
    shards: 1,
    replicas: 3,
    nodes: [1, 2, 3].map((n) => ({ name: `node-${n}`, host: `127.0.0.${n}` })),
  },
  "test",
);
const fakeNode = fileURLToPath(new URL("./testing/fake-node.mjs", import.meta.url));

let data: string;
let launcher: Launcher;
let said: string[];
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "sherd-launcher-"));
  said = [];
  launcher = new Launcher({
    file,
    clusterFile: join(data, "cluster.json"),
    data,
    nodeCommand: [process.execPath, fakeNode],
    say: (line) => said.push(line),
    limits: { silentLooksMax: 60, silentLooksStartingMax: 400 },
    watchMs: 50,
  });
});
afterEach(async () => {
  launcher.kill();
  await launcher.stop();
  rmSync(data, { recursive: true });
});

const behave = (behaviours: Record<string, string>): void =>
  writeFileSync(join(data, "behaviours.json"), JSON.stringify(behaviours));

const events = (name: string): { event: string; pid: number }[] =>
  readFileSync(join(data, `${name}.events`), "utf8")
    .trim()
    .split("\n")
    .map((line) => ({ event: line.split(" ")[0] as string, pid: Number(line.split(" ")[1]) }));
const eventNames = (name: string): string[] => events(name).map(({ event }) => event);
const pidOf = (name: string): number => events(name).at(-1)?.pid as number;

test("all nodes start, serve, and stop when told", async () => {
  launcher.start();
  await launcher.settled;
  expect(launcher.serving).toEqual(["node-1", "node-2", "node-3"]);
  await launcher.stop();
  for (const { name } of file.nodes) expect(eventNames(name)).toEqual(["start-serve", "ready", "stop"]);
  expect(said).toEqual([]);
});

test("a node that is killed comes back while the others go on", async () => {
  launcher.start();
  await launcher.settled;
  const before = pidOf("node-2");
  process.kill(before, "SIGKILL");
  await vi.waitFor(
    () => expect(eventNames("node-2")).toEqual(["start-serve", "ready", "start-serve", "ready"]),
    20_000,
  );
  expect(pidOf("node-2")).not.toBe(before);
  expect(said).toEqual(["node-2 ended by SIGKILL; starting it again now"]);
  expect(eventNames("node-1")).toEqual(["start-serve", "ready"]);
});

test("a node that refuses is named with its reason and not started again; the others serve", async () => {
  behave({ "node-3": "refuse" });
  launcher.start();
  await launcher.settled;
  expect(launcher.serving).toEqual(["node-1", "node-2"]);
  expect(said).toEqual([
    "node-3: SHERD_LOG_DAMAGED: the fake log is damaged.",
    "node-3 is not started again until that is put right",
  ]);
  await launcher.stop();
  expect(eventNames("node-3")).toEqual(["start-refuse"]);
});

test("the launcher ends when every node was refused", async () => {
  behave({ "node-1": "refuse", "node-2": "refuse", "node-3": "refuse" });
  launcher.start();
  await launcher.ended;
  expect(launcher.serving).toEqual([]);
});

test("a node that crashes at its start is tried again, later each time", async () => {
  behave({ "node-1": "crash" });
  launcher.start();
  await vi.waitFor(() => expect(eventNames("node-1").length).toBeGreaterThanOrEqual(3), 20_000);
  behave({});
  await launcher.settled;
  expect(said.slice(0, 2)).toEqual([
    "node-1 ended with code 1; starting it again now",
    "node-1 ended with code 1; starting it again in 0.5 s",
  ]);
});

test("a node whose event loop stands still is killed and comes back", async () => {
  behave({ "node-1": "hang" });
  launcher.start();
  await vi.waitFor(() => expect(eventNames("node-1")).toContain("ready"), 20_000);
  behave({});
  await vi.waitFor(() => expect(eventNames("node-1").at(-1)).toBe("ready"), 20_000);
  await vi.waitFor(() => expect(eventNames("node-1").filter((event) => event === "ready")).toHaveLength(2), 20_000);
  expect(said[0]).toMatch(/^node-1 has not moved for \d+ s; killing it$/);
});

test("a stopped process (SIGSTOP) is killed and comes back", async () => {
  launcher.start();
  await launcher.settled;
  process.kill(pidOf("node-2"), "SIGSTOP");
  await vi.waitFor(() => expect(eventNames("node-2").filter((event) => event === "ready")).toHaveLength(2), 20_000);
  expect(said[1]).toBe("node-2 ended by SIGKILL; starting it again now");
});

test("nodes that do not hear are ended by kill", async () => {
  behave({ "node-1": "deaf" });
  launcher.start();
  await launcher.settled;
  const stopping = launcher.stop();
  await vi.waitFor(() => expect(eventNames("node-2").at(-1)).toBe("stop"), 20_000);
  launcher.kill();
  await stopping;
  expect(() => process.kill(pidOf("node-1"), 0)).toThrow("ESRCH");
});
