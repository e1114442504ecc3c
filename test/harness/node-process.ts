import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built program: what a user runs. `npm test` builds before it tests. */
export const CLI: string = fileURLToPath(new URL("../../packages/server/bin/sherd.cjs", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A started `sherd` process. It ends with this process at the latest, because it is told when the channel closes. */
export class SherdProcess {
  readonly #child: ChildProcess;
  /** What it printed, both streams. */
  output = "";
  readonly ended: Promise<Ended>;
  /** A node says so itself. Rejects, with what it printed, when the process ends before. */
  readonly ready: Promise<void>;

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [CLI, ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.ended = new Promise((resolve) => this.#child.on("close", (code, signal) => resolve({ code, signal })));
    this.ready = new Promise((resolve, reject) => {
      this.#child.on("message", (message: { kind: string }) => {
        if (message.kind === "ready") resolve();
      });
      void this.ended.then(({ code, signal }) =>
        reject(new Error(`sherd ${args.join(" ")} ended (${signal ?? code}) before it was ready:\n${this.output}`)),
      );
    });
    // Not every test waits for it.
    this.ready.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process is gone. */
  signal(signal: NodeJS.Signals): Promise<Ended> {
    if (this.running) this.#child.kill(signal);
    return this.ended;
  }
}

/** Runs a subcommand to its end. */
export async function sherd(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = new SherdProcess(args);
  const { code } = await child.ended;
  return { code, output: child.output };
}
