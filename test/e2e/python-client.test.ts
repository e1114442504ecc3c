import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { NO_PYPI, pythonMissing, type Run, run } from "../harness/foreign.ts";
import { eventually } from "../harness/wait.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/python", import.meta.url));
const NODE = "node-1";

test("the Python client, on a node that is killed and started again", { timeout: 480_000 }, async ({ skip }) => {
  const why = await pythonMissing();
  if (why !== undefined) skip(`not run: there is no ${why}`);
  const directory = mkdtempSync(join(tmpdir(), "sherd-python-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const made = await run(join(EXAMPLE, "generate.sh"), [directory]);
  if (made.code !== 0 && NO_PYPI.test(made.output)) skip(`not run: grpcio-tools cannot be had from PyPI here`);
  expect(made).toMatchObject({ code: 0 });
  const python = (classes: readonly string[], env: Record<string, string>): Promise<Run> =>
    run(
      join(directory, ".venv", "bin", "python"),
      ["-m", "unittest", ...classes.map((name) => `test_client.${name}`)],
      { env: { PYTHONPATH: `${directory}:${EXAMPLE}`, PYTHONDONTWRITEBYTECODE: "1", ...env } },
    );

  const cluster = await TestCluster.create({ nodes: 1 });
  await cluster.start(NODE, "--log-requests");
  const address = `127.0.0.1:${cluster.node(NODE).grpcPort}`;
  const first = await python(["Errors", "Cluster"], { SHERD_GRPC: address });
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
  const again = await python(["AfterRestart"], { SHERD_GRPC_AGAIN: address });
  expect(again, again.output).toMatchObject({ code: 0 });
  expect(again.output).not.toContain("skipped");
});

/** What `--log-requests` wrote, without what every line has. */
function callsIn(log: string): object[] {
  return log
    .split("\n")
    .filter((line) => line.includes('"msg":"grpc"'))
    .map((line) => {
      const { method, keyBytes, result, ms } = JSON.parse(line) as Record<string, unknown>;
      return { method, keyBytes, result, ms };
    });
}
