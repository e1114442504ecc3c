/** The node's thread: runs what `sherd node` runs. `start.ts` is the other side. */
import { parentPort, workerData } from "node:worker_threads";
import { SherdError } from "../../core/base/index.ts";
import { startNode } from "../compose.ts";
import { type HostProcess, runNode } from "../node-process.ts";
import type { Failure, WorkerData } from "./messages.ts";

const port = parentPort;
if (port === null) throw new Error("worker.ts is the main module of a worker thread");

/** A thread gets no signals; of the rest, its errors are its own. */
const OWN_EVENTS: ReadonlySet<string> = new Set(["uncaughtException", "unhandledRejection"]);

const host: HostProcess = {
  on: (event, listener) => {
    if (event === "message") port.on("message", listener);
    else if (OWN_EVENTS.has(event)) process.on(event, listener);
  },
  send: (message) => port.postMessage(message),
  failed: (error) => port.postMessage({ kind: "failed", failure: failureOf(error) }),
  // In a worker this ends the thread, at once.
  exit: (code) => process.exit(code),
};

function failureOf(error: unknown): Failure {
  if (error instanceof SherdError) return { code: error.code, text: error.detail, stack: error.stack };
  if (error instanceof Error) return { code: undefined, text: error.message, stack: error.stack };
  return { code: undefined, text: String(error), stack: undefined };
}

await runNode((workerData as WorkerData).options, startNode, host);
