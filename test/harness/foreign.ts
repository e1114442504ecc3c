import { spawn } from "node:child_process";

const INSTALL_MS = 240_000;

export interface Run {
  readonly code: number | null;
  /** Of both streams. */
  readonly output: string;
}

/** Runs a program to its end, which comes within four minutes. */
export function run(
  program: string,
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string } = {},
): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: INSTALL_MS,
    });
    let output = "";
    const gather = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", gather);
    child.stderr.on("data", gather);
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** What is missing for a Python program with packages, if anything: for `skip`. Packages are not fetched unasked. */
export async function pythonMissing(): Promise<string | undefined> {
  if (process.env["SHERD_TEST_PYTHON"] !== "1") return "SHERD_TEST_PYTHON=1 in the environment";
  const python = await run("python3", ["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)"]);
  return python.code === 0
    ? undefined
    : `python3 (3.10 or newer) with venv: ${python.output.trim().split("\n").at(-1)}`;
}

/** What pip says when there is no way to PyPI; any other failure is one of what was asked for. */
export const NO_PYPI: RegExp =
  /No matching distribution|ConnectionError|NewConnectionError|Temporary failure in name resolution/;

/** As `pythonMissing`. */
export async function goMissing(): Promise<string | undefined> {
  if (process.env["SHERD_TEST_GO"] !== "1") return "SHERD_TEST_GO=1 in the environment";
  const go = await run("go", ["version"]);
  return go.code === 0 ? undefined : `go: ${go.output.trim()}`;
}

/** What go says when modules cannot be fetched. */
export const NO_MODULES: RegExp = /dial tcp|no such host|connection refused|toolchain not available|403 Forbidden/;
