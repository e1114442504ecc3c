import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The built program: what a user runs. The same path from the sources and from the build. */
const CLI: string = fileURLToPath(new URL("../../../server/bin/sherd.cjs", import.meta.url));

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

  /** `runner`: a program (with arguments) that becomes the given one, as `nsenter` does. */
  constructor(args: readonly string[], runner: readonly string[] = []) {
    const [program, ...rest] = [...runner, process.execPath, CLI, ...args] as [string, ...string[]];
    this.#child = spawn(program, rest, { stdio: ["ignore", "pipe", "pipe", "ipc"] });
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
    // Not everybody waits for it.
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
