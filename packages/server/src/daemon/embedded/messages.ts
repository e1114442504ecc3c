import type { NodeStatus } from "../../core/node/index.ts";
import type { NodeOptions } from "../node-process.ts";

/** Why a node ended: an error without its class, which does not cross from one thread to another. */
export interface Failure {
  /** Of a `SherdError`; undefined: a defect. */
  readonly code: string | undefined;
  /** Without the code and the advice, where there is a code. */
  readonly text: string;
  readonly stack: string | undefined;
}

export interface WorkerData {
  readonly options: NodeOptions;
}

/** What the program's thread says to the node's. */
export type ToWorker =
  | { readonly kind: "stop"; readonly handOver: boolean }
  | { readonly kind: "status"; readonly id: number };

/** What the node's thread says to the program's. */
export type FromWorker =
  | { readonly kind: "heartbeat" | "listening" | "ready" }
  | { readonly kind: "status"; readonly id: number; readonly status: NodeStatus }
  | { readonly kind: "failed"; readonly failure: Failure };
