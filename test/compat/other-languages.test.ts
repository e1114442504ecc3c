import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { goMissing, NO_MODULES, NO_PYPI, pythonMissing, run } from "../harness/foreign.ts";

/** The programs beside this file are written for redis-py and go-redis as for any Redis, and run against three nodes. */
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const TIMEOUT = { timeout: 480_000 };

async function places() {
  const cluster = await TestCluster.start();
  const [one, two] = cluster.file.nodes;
  if (one === undefined || two === undefined) throw new Error("three nodes were asked for");
  return { one, two };
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "sherd-compat-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("redis-py, plain and as a cluster client, RESP2 and RESP3", TIMEOUT, async ({ skip }) => {
  const why = await pythonMissing();
  if (why !== undefined) skip(`not run: there is no ${why}`);
  const venv = directory();
  expect(await run("python3", ["-m", "venv", venv])).toMatchObject({ code: 0 });
  const installed = await run(join(venv, "bin", "pip"), ["install", "--quiet", "-r", here("python/requirements.txt")]);
  if (installed.code !== 0 && NO_PYPI.test(installed.output)) skip("not run: redis-py cannot be had from PyPI here");
  expect(installed).toMatchObject({ code: 0 });
  const { one, two } = await places();
  const ports = [one.clusterPort, one.respPort, two.respPort].map(String);
  const ended = await run(join(venv, "bin", "python"), [here("python/suite.py"), one.host, ...ports]);
  expect(ended, ended.output).toMatchObject({ code: 0 });
  expect(ended.output).not.toContain("skipped");
});

test("go-redis, plain and as a cluster client, RESP2 and RESP3", TIMEOUT, async ({ skip }) => {
  const why = await goMissing();
  if (why !== undefined) skip(`not run: there is no ${why}`);
  const program = join(directory(), "compat");
  const built = await run("go", ["build", "-o", program, "."], { cwd: here("go") });
  if (built.code !== 0 && NO_MODULES.test(built.output)) skip("not run: go-redis cannot be fetched here");
  expect(built, built.output).toMatchObject({ code: 0 });
  const { one, two } = await places();
  const addresses = [`${one.host}:${one.clusterPort}`, `${one.host}:${one.respPort}`, `${two.host}:${two.respPort}`];
  const ended = await run(program, addresses);
  expect(ended, ended.output).toMatchObject({ code: 0 });
  expect(ended.output).toContain("all ok");
});
