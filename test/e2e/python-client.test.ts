import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { eventually } from "../harness/wait.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/python", import.meta.url));
const INSTALL_MS = 240_000;
const NODE = "node-1";

interface Run {
  readonly code: number | null;
  readonly output: string;
}

function run(program: string, args: readonly string[], env: Record<string, string> = {}): Run {
  const ended = spawnSync(program, args, { encoding: "utf8", env: { ...process.env, ...env }, timeout: INSTALL_MS });
  return { code: ended.status, output: `${ended.stdout}${ended.stderr}${ended.error?.message ?? ""}` };
}

/** Why the example is not made here, if it is not. */
function missing(): string | undefined {
  // It fetches packages from PyPI, which `npm test` does not do unasked.
  if (process.env["SHERD_TEST_PYTHON"] !== "1") return "SHERD_TEST_PYTHON=1 in the environment";
  const python = run("python3", ["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)"]);
  return python.code === 0
    ? undefined
    : `python3 (3.10 or newer) with venv: ${python.output.trim().split("\n").at(-1)}`;
}

/** What pip says when there is no way to PyPI; any other failure is one of the example. */
const NO_PYPI = /No matching distribution|ConnectionError|NewConnectionError|Temporary failure in name resolution/;

test("the Python client, on a node that is killed and started again", { timeout: 2 * INSTALL_MS }, async ({ skip }) => {
  const why = missing();
  if (why !== undefined) skip(`not run: there is no ${why}`);
  const directory = mkdtempSync(join(tmpdir(), "sherd-python-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const made = run(join(EXAMPLE, "generate.sh"), [directory]);
  if (made.code !== 0 && NO_PYPI.test(made.output)) skip(`not run: grpcio-tools cannot be had from PyPI here`);
  expect(made).toMatchObject({ code: 0 });
  const python = (classes: readonly string[], env: Record<string, string>): Run =>
    run(
      join(directory, ".venv", "bin", "python"),
      ["-m", "unittest", ...classes.map((name) => `test_client.${name}`)],
      {
        PYTHONPATH: `${directory}:${EXAMPLE}`,
        PYTHONDONTWRITEBYTECODE: "1",
        ...env,
      },
    );

  const cluster = await TestCluster.create({ nodes: 1 });
  await cluster.start(NODE, "--log-requests");
  const address = `127.0.0.1:${cluster.node(NODE).grpcPort}`;
  const first = python(["Errors", "Cluster"], { SHERD_GRPC: address });
  expect(first, first.output).toMatchObject({ code: 0 });
  expect(first.output).not.toContain("skipped");

  await eventually("the log of the calls", 5_000, () => {
    const lines = callsIn(cluster.log(NODE));
    expect(lines).toContainEqual({ method: "Get", keyBytes: 12, result: "ok", ms: expect.any(Number) });
    expect(lines).toContainEqual({ method: "Get", keyBytes: 1025, result: "ERR", ms: expect.any(Number) });
    return true;
  });

  await cluster.kill(NODE);
  await cluster.start(NODE);
  const again = python(["AfterRestart"], { SHERD_GRPC_AGAIN: address });
  expect(again, again.output).toMatchObject({ code: 0 });
  expect(again.output).not.toContain("skipped");
});

/** What `--log-requests` wrote, without what every line has. */
function callsIn(log: string): object[] {
  return log
    .split("\n")
    .filter((line) => line.includes('"msg":"grpc"'))
    .map((line) => {
      const { level: _1, time: _2, node: _3, msg: _4, ...call } = JSON.parse(line) as Record<string, unknown>;
      return call;
    });
}
