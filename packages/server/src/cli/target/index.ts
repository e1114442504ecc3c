/**
 * target: the store as the tools see it from outside: put, get and delete, over RESP or gRPC.
 *
 * Invariants
 * - Every call is answered exactly once, later than the call itself.
 * - A failure is an answer with its kind, never an exception: the tools count and compare failures.
 * - Keys and values are bytes. gRPC carries strings, so there they must be UTF-8; others are refused before they are sent.
 *
 * It does not: retry what may have taken effect, or know anything of workloads.
 */
import type { TargetAddress } from "../options.ts";
import { tellingTlsMismatch } from "../tls-mismatch.ts";
import type { KeyValueTarget } from "./types.ts";

export { type Answer, type AnswerHandler, answerOf, describeAnswer, type KeyValueTarget } from "./types.ts";

/**
 * Opens a connection of its own; rejects with SHERD_UNREACHABLE when nobody answers there, SHERD_TLS_MISMATCH when only one
 * side speaks TLS.
 */
export async function openTarget(address: TargetAddress): Promise<KeyValueTarget> {
  // Each protocol brings its libraries; a run needs one of them.
  if (address.protocol === "grpc") {
    const { openGrpcTarget } = await import("./grpc.ts");
    return tellingTlsMismatch(address, () => openGrpcTarget(address));
  }
  return (await import("./resp.ts")).openRespTarget(address);
}
